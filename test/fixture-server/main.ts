// Decides how the fixture server is started by hand: `main.ts [PORT | SOCKET]`; it prints where it is as one line of JSON.
import { startFixtureServer } from './serve.ts';

const [at = '0'] = process.argv.slice(2);
const server = await startFixtureServer(/^\d+$/.test(at) ? Number(at) : at);
process.stdout.write(`${JSON.stringify({ url: server.url, endpoint: server.endpoint })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.close());
