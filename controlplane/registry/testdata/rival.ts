// Decides what two rival processes in the tests write: one more than the count that is there, unless somebody was faster.
import { writeSync } from 'node:fs';
import { openTest, server, TEST } from './open.ts';

const [path = '', prefix = '', writes = '0'] = process.argv.slice(2);
const registry = await openTest(path);
for (let count = 0; count < Number(writes); ) {
  const known = registry.snapshot().find('Server', 'a');
  const next = String(Number(known?.document.description ?? 0) + 1);
  const outcome = await registry.apply({
    documents: [{ ...server('a'), description: next }],
    precondition: (hash) => hash === known?.hash,
    ...TEST,
  });
  if (!outcome.ok) continue;
  writeSync(1, `${outcome.revision} ${prefix} ${count}\n`);
  count += 1;
}
await registry.close();
