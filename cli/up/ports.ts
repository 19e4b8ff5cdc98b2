// Decides whether the ports that an instance needs are free, and says by which setting to choose another.
import { createServer } from 'node:net';
import { SETTINGS, type Settings } from '../../core/runtime/settings.ts';

type PortSetting = 'port' | 'apiPort' | 'adsPort';
type HostSetting = 'host' | 'apiHost' | 'adsHost';

const PORTS = [
  { what: 'the gateway', port: 'port', host: 'host' },
  { what: 'the REST API', port: 'apiPort', host: 'apiHost' },
  { what: 'ADS', port: 'adsPort', host: 'adsHost' },
] as const satisfies readonly { what: string; port: PortSetting; host: HostSetting }[];

/** One sentence for each port that cannot be listened on; none when all can. */
export async function checkPorts(settings: Pick<Settings, PortSetting | HostSetting>): Promise<readonly string[]> {
  const problems = await Promise.all(
    PORTS.map(async (row, index) => {
      const port = settings[row.port];
      const mend = `choose another with --${SETTINGS[row.port].flag} or ${SETTINGS[row.port].env}`;
      const twin = PORTS.slice(0, index).find((other) => settings[other.port] === port);
      if (twin !== undefined) return `port ${port} is set for ${twin.what} and for ${row.what}; ${mend}`;
      const code = await tryListen(settings[row.host], port);
      if (code === null) return null;
      if (code === 'EADDRINUSE') return `port ${port} (${row.what}) is taken by another program; ${mend}`;
      if (code === 'EACCES') return `port ${port} (${row.what}) is not allowed to this user; ${mend}`;
      const host = SETTINGS[row.host];
      return `${row.what} cannot listen on ${settings[row.host]}:${port} (${code}); see --${host.flag} or ${host.env}`;
    }),
  );
  return problems.filter((problem) => problem !== null);
}

/** Listens for a moment. Null when that went well, else the system's code for why not. */
function tryListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
