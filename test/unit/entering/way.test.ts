import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Situation, wayInto } from '../../../helper/entering/way.js';
import { ErrorCode, type oci, type TerrariumError } from '../../../helper/protocol/index.js';

/** User namespaces by number: 1 ours, 10 made by us, 20 in that. Of the others: the last digit is the owner's. */
const here = { user: 1, mount: 101, uts: 201, network: 301, pid: 401 };

function situation(changes: Partial<Situation> = {}): Situation {
  return {
    pid: 42,
    namespaces: { user: 20, mount: 110, uts: 201, network: 310, pid: 420 },
    here,
    users: [20, 10, 1],
    owners: { user: [20, 10, 1], mount: [10, 1], uts: [1], network: [10, 1], pid: [20, 10, 1] },
    privileged: false,
    ...changes,
  };
}

const refused = (asked: Situation, chosen?: oci.NamespaceType[]): TerrariumError => {
  try {
    wayInto(asked, chosen);
  } catch (error) {
    return error as TerrariumError;
  }
  assert.fail('it was allowed');
};

describe('the way into a process', () => {
  test('leads through the outermost user namespace of ours, to all others, and ends in its own', () => {
    assert.deepEqual(wayInto(situation()), {
      first: { type: 'user', inode: 10, ancestor: 1 },
      others: [
        { type: 'mount', inode: 110, ancestor: 0 },
        { type: 'network', inode: 310, ancestor: 0 },
        { type: 'pid', inode: 420, ancestor: 0 },
      ],
      last: { type: 'user', inode: 20, ancestor: 0 },
    });
  });

  test('needs its user namespace once, where there is no other on the way', () => {
    const way = wayInto(
      situation({
        namespaces: { ...here, user: 10, uts: 210 },
        users: [10, 1],
        owners: { user: [10, 1], uts: [10, 1] },
      }),
    );
    assert.deepEqual(way, {
      first: { type: 'user', inode: 10, ancestor: 0 },
      others: [{ type: 'uts', inode: 210, ancestor: 0 }],
    });
  });

  test('of who may do everything outside leads to its user namespace last', () => {
    const { first, last } = wayInto(situation({ privileged: true }));
    assert.deepEqual([first, last], [undefined, { type: 'user', inode: 20, ancestor: 0 }]);
  });

  test('has only what is chosen, without what we are in', () => {
    const types = (chosen: oci.NamespaceType[], privileged = false) =>
      wayInto(situation({ privileged }), chosen).others.map(({ type }) => type);
    assert.deepEqual(types(['user', 'network', 'uts']), ['network']);
    assert.deepEqual(types(['network'], true), ['network']);
    assert.equal(wayInto(situation({ privileged: true }), ['network']).last, undefined);
  });

  test('is none where nothing differs, or nothing that is chosen', () => {
    const same = situation({ namespaces: here, users: [1] });
    assert.equal(refused(same).code, ErrorCode.WrongState);
    assert.match(refused(same).message, /in no namespace that you are not in/);
    assert.match(refused(situation(), ['uts']).message, /namespaces chosen in common/);
  });

  test('is none without its user namespace for who has no say, nor to its files for anybody', () => {
    assert.match(refused(situation(), ['network']).data?.command ?? '', /--ns net,user 42$/);
    assert.match(refused(situation({ privileged: true }), ['mount']).data?.cause ?? '', /rights of those outside/);
  });

  test('is none to namespaces of a user namespace that is not ours, and says which can be entered', () => {
    const error = refused(situation({ owners: { user: [20, 10, 1], mount: [1], pid: [20, 10, 1], network: [] } }));
    assert.equal(error.code, ErrorCode.Unavailable);
    assert.match(error.message, /^The mnt, net namespaces of process 42 cannot be entered$/);
    assert.equal(error.data?.command, 'terrarium enter --ns user,pid 42');
    // Of the machine's own user namespace nothing is ours, unless we are root there.
    const machine = situation({ namespaces: { ...here, network: 302 }, users: [1], owners: { network: [1] } });
    assert.match(refused(machine).message, /^The net namespace of process 42/);
    assert.deepEqual(wayInto({ ...machine, privileged: true }), {
      others: [{ type: 'network', inode: 302, ancestor: 0 }],
    });
  });

  test('is none into a user namespace beside ours', () => {
    assert.match(refused(situation({ users: [20, 10, 5] })).message, /is not below yours/);
  });
});
