// A Mocha reporter that prints the lines of scripts/test/reporter.mjs. CommonJS, since Mocha requires it in the
// extension host.
const resultMark = '\u0001result ';

module.exports = class ResultReporter {
  constructor(runner) {
    const print = (test, outcome, more) =>
      console.log(`${resultMark}${JSON.stringify({ name: test.titlePath().join(' › '), outcome, ...more })}`);
    runner.on('pass', (test) => print(test, 'passed', { ms: test.duration }));
    runner.on('fail', (test, error) =>
      print(test, 'failed', { ms: test.duration, error: error.stack ?? String(error) }),
    );
    // Mocha has no reasons for skips: a test that is skipped says why in its title, after ` # `.
    runner.on('pending', (test) => {
      const reason = test.title.split(' # ')[1];
      if (reason === undefined) print(test, 'failed', { error: 'skipped without a reason' });
      else print(test, 'skipped', { reason });
    });
  }
};
