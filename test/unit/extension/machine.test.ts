import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { presentImage } from '../../../extension/images/imageText.js';
import { progressIncrement, progressText } from '../../../extension/images/progressText.js';
import {
  doctorDetails,
  doctorMarkdown,
  doctorSummary,
  presentDoctorLine,
  presentSection,
  sectionsOf,
} from '../../../extension/machine/doctorText.js';
import type { DoctorLine, ImageProgress } from '../../../helper/protocol/index.js';

describe('a line of the doctor', () => {
  const line: DoctorLine = {
    id: 'id-range',
    group: 'Identities',
    essential: false,
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

  it('that is missing is an error only where no container can run without', () => {
    const missing = { ...line, verdict: 'missing' as const };
    assert.equal(presentDoctorLine(missing).icon?.id, 'circle-slash');
    assert.equal(presentDoctorLine({ ...missing, essential: true }).icon?.id, 'error');
    assert.match(presentDoctorLine({ ...missing, essential: true }).accessibleLabel, /no container can run/);
    const group = (...lines: DoctorLine[]) => presentSection({ group: 'Identities', lines });
    const works = { ...line, verdict: 'works' as const };
    assert.deepEqual([group(works).icon?.id, group(works).description], ['pass', 'all 1 work']);
    assert.deepEqual([group(works, line).icon?.id, group(works, line).description], ['warning', '1 of 2 work']);
    assert.equal(group(line, missing).icon?.id, 'circle-slash');
    assert.equal(group(missing, { ...missing, essential: true }).icon?.id, 'error');
  });

  it('is in its group, in the order of the report', () => {
    const kernel = { ...line, id: 'kernel' as const, group: 'Kernel' as const };
    const sections = sectionsOf({ lines: [kernel, line, { ...kernel, id: 'pidfd' as const }] });
    assert.deepEqual(
      sections.map(({ group, lines }) => [group, lines.map(({ id }) => id)]),
      [
        ['Kernel', ['kernel', 'pidfd']],
        ['Identities', ['id-range']],
      ],
    );
  });

  it('is a row of the report, whatever is in it', () => {
    const report = doctorMarkdown({ lines: [{ ...line, tried: 'a | b\n# c' }] });
    assert.match(report, /^## Identities$/m);
    assert.match(report, /^\| id-range \| partial, ENOENT \| a \\\| b # c \| Install uidmap\. \|$/m);
    assert.doesNotMatch(report, /^# c/m);
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
