// A shorter step is over before a person wonders what is happening.
const announcedMs = 1000;

/**
 * @typedef {object} StepTime How long a step of a start took.
 * @property {string} step
 * @property {number} seconds
 */

/**
 * Runs a step of a start, and measures it.
 * @typedef {<Result>(name: string, work: () => Promise<Result>) => Promise<Result>} Step
 */

/**
 * Measures the steps of a start, some of which run side by side. Announces a step that has run for a second, and reports its
 * seconds when it has ended.
 * @param {{ begins(step: string): void, ends(line: string): void }} on
 */
export function measureSteps(on) {
  /** @type {StepTime[]} */
  const times = [];
  /** @type {Set<string>} */
  const running = new Set();
  /** @type {Step} */
  const step = async (name, work) => {
    const startedAt = performance.now();
    let isAnnounced = false;
    const timer = setTimeout(() => {
      isAnnounced = true;
      on.begins(name);
    }, announcedMs);
    running.add(name);
    try {
      const result = await work();
      const seconds = secondsSince(startedAt);
      times.push({ step: name, seconds });
      if (isAnnounced) on.ends(`${name}: ${seconds.toFixed(1)} s`);
      return result;
    } finally {
      clearTimeout(timer);
      running.delete(name);
    }
  };
  return { step, times, running };
}

/**
 * Seconds, to a tenth, since a time of `performance.now()`; 0 is the begin of this process.
 * @param {number} startedAt
 */
export function secondsSince(startedAt) {
  return Math.round((performance.now() - startedAt) / 100) / 10;
}
