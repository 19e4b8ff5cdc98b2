// Decides what the other processes in registry.test.ts write: two documents per revision, told after each.
import { pino } from 'pino';
import { openRegistry } from '../registry.ts';

const [path = '', prefix = '', writes = '0'] = process.argv.slice(2);
const registry = await openRegistry(path, {
  now: () => 1_000,
  log: pino({ level: 'silent' }),
  constraints: { host: '127.0.0.1', runDir: '/run/chancery' },
});
for (let count = 0; count < Number(writes); count++) {
  const documents = ['a', 'b'].map((letter) => ({
    kind: 'Server',
    name: `${prefix}-${letter}-${count}`,
    versions: [{ version: '1', endpoints: [{ url: 'http://127.0.0.1:3001/mcp' }] }],
  }));
  const outcome = await registry.apply({ documents, who: 'test' });
  if (outcome.ok) process.send?.(outcome.revision);
}
await registry.close();
process.disconnect();
