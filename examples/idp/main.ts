// Decides which people the example identity provider knows when it is started by hand: `node examples/idp/main.ts [PORT] [GATEWAY]`.
import { startIdp } from './provider.ts';

const [port = '9000', gateway = 'http://127.0.0.1:10000'] = process.argv.slice(2);
const idp = await startIdp({
  port: Number(port),
  gateway,
  scopes: ['tools:read', 'tools:write'],
  people: {
    alice: { tasks: ['notes', 'files'], groups: ['staff'] },
    bob: { tasks: ['notes'], groups: ['guests'] },
  },
});
process.stdout.write(`issuer ${idp.issuer}, for the surfaces of ${gateway}\n`);
