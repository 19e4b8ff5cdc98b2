// Decides what the other processes in the tests write: two documents per write, many writes at once, each told when it is taken.
import { writeSync } from 'node:fs';
import { openTest, server, TEST } from './open.ts';

const [path = '', prefix = '', writes = '0'] = process.argv.slice(2);
const registry = await openTest(path);
await Promise.all(
  Array.from({ length: Number(writes) }, async (_, count) => {
    const documents = ['a', 'b'].map((letter) => server(`${prefix}-${letter}-${count}`));
    const outcome = await registry.apply({ documents, ...TEST });
    // Into the pipe at once: what is told only to a buffer of this process would die with it.
    if (outcome.ok) writeSync(1, `${outcome.revision} ${prefix} ${count}\n`);
  }),
);
await registry.close();
