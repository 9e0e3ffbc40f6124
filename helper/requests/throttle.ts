/** More often nobody can see it. */
const intervalMilliseconds = 100;

/**
 * Passes on the first report of each phase, and of the others as many as a person can follow. The last one may be left
 * out: the answer to the request follows it.
 */
export function throttled<G>(report: (progress: G) => void, phaseOf: (progress: G) => string): (progress: G) => void {
  let [phase, next]: [string | undefined, number] = [undefined, 0];
  return (progress) => {
    const now = performance.now();
    if (phaseOf(progress) === phase && now < next) return;
    [phase, next] = [phaseOf(progress), now + intervalMilliseconds];
    report(progress);
  };
}
