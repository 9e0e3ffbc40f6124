import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { presentImage } from '../../../extension/images/imageText.js';
import { progressIncrement, progressText } from '../../../extension/images/progressText.js';
import { doctorDetails, doctorSummary, presentDoctorLine } from '../../../extension/machine/doctorText.js';
import type { DoctorLine, ImageProgress } from '../../../helper/protocol/index.js';

describe('a line of the doctor', () => {
  const line: DoctorLine = {
    id: 'id-range',
    title: 'Range of ids',
    verdict: 'partial',
    tried: 'newuidmap',
    errno: 'ENOENT',
    features: ['files of many owners'],
    fix: 'Install uidmap.',
    command: 'sudo apt-get install uidmap',
  };

  it('shows verdict and errno, and offers its command', () => {
    const shown = presentDoctorLine(line);
    assert.equal(shown.description, 'partial · ENOENT');
    assert.equal(shown.contextValue, 'doctor.partial.command');
    assert.match(shown.accessibleLabel, /Range of ids: partial.*Install uidmap/);
  });

  it('has what was tried, what needs it and what to do below it', () => {
    assert.deepEqual(
      doctorDetails(line).map(({ label }) => label),
      ['Tried', 'Needed for', 'To do', 'Command'],
    );
    const { fix: _fix, command: _command, ...works } = { ...line, verdict: 'works' as const, features: [] };
    assert.deepEqual(
      doctorDetails(works).map(({ label }) => label),
      ['Tried'],
    );
  });

  it('counts in the summary', () => {
    const works = { ...line, verdict: 'works' as const };
    assert.equal(doctorSummary({ lines: [works, works] }), 'All 2 checks work');
    assert.equal(doctorSummary({ lines: [works, line] }), '1 of 2 checks work, 1 partly');
  });
});

describe('an image', () => {
  const image = {
    name: 'deb\u202Eian',
    digest: 'sha256:0',
    createdAt: 'x',
    sizeBytes: 0,
    usedBy: ['a', 'b'],
    notes: [],
  };

  it('says who uses it, and is shown as text', () => {
    assert.equal(presentImage(image).label, 'debian');
    assert.equal(presentImage(image).description, '0 B · used by 2 containers');
    assert.equal(presentImage({ ...image, usedBy: [] }).contextValue, 'image.unused');
  });
});

describe('the progress of an import', () => {
  const at = (doneBytes: number, phase: ImageProgress['phase'] = 'unpack'): ImageProgress => ({
    phase,
    doneBytes,
    totalBytes: 1000,
    entries: 5,
  });

  it('adds up to a hundred percent and never goes back', () => {
    const reports = [at(0), at(250), at(200), at(1000), at(0, 'finish')];
    const steps = reports.map((now, index) => progressIncrement(reports[index - 1], now));
    assert.deepEqual(steps, [0, 25, 0, 80, 0]);
  });

  it('is told in bytes and entries', () => {
    assert.equal(
      progressText({ phase: 'unpack', doneBytes: 1024, totalBytes: 4096, entries: 5 }),
      'unpacking: 1 KiB of 4 KiB, 5 entries',
    );
    assert.equal(progressText({ phase: 'read', doneBytes: 0, totalBytes: 0, entries: 0 }), 'reading: 0 B');
  });
});
