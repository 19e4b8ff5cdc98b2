// Decides how the generator runs as a process: one order after the other, until its starter is gone.
import type { LoadOrder, LoadReport } from './load-order.ts';
import { run } from './run.ts';

const nowMs = (): number => performance.now();
const report = (value: LoadReport): void => {
  process.send?.(value);
};

process.on('disconnect', () => process.exit(0));
process.on('message', (order: LoadOrder) => {
  run(order, report, nowMs).then((result) => report({ kind: 'done', result }));
});
report({ kind: 'ready' });
