// @ts-check
/**
 * The clock of the local cloud in a function's process: `Date` shows the machine's time moved on by as much as the
 * run's clock is. Loaded by `--require` like the network's hook, so that worker threads and forks begin with it too.
 *
 * As long as the clock has not been moved nothing is touched, and `Date` is V8's own. Timers and `performance` go at
 * the machine's pace: what waits in a function does not wait less. Worker threads that run while the clock is moved
 * keep their time, and so does a class that was derived from `Date` before the first move.
 */
const VARIABLE = "SST_LOCAL_CLOCK_MS";
const Machine = Date;
const machineNow = Date.now;
let offset = 0;
let installed = false;

function install() {
  installed = true;
  const now = () => machineNow() + offset;
  Machine.now = now;
  const Moved = new Proxy(Machine, {
    construct: (target, given, newTarget) =>
      Reflect.construct(
        target,
        given.length === 0 ? [now()] : given,
        newTarget === Moved ? target : newTarget,
      ),
    apply: () => new Machine(now()).toString(),
  });
  Machine.prototype.constructor = Moved;
  globalThis.Date = Moved;
}

/** @param {number} ms How far the run's clock is ahead of the machine's. */
function move(ms) {
  offset = ms;
  process.env[VARIABLE] = String(ms);
  if (!installed) install();
}

const given = Number(process.env[VARIABLE] ?? 0);
if (given !== 0) move(given);

module.exports = { move };
