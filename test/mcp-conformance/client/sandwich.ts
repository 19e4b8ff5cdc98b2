// Decides how a server that lives for one scenario is put behind a running gateway, and taken away again.
import { until } from '../../support/until.ts';

export interface Sandwich {
  /** The API of the control plane, and its operator's token. */
  readonly api: string;
  readonly token: string;
  /** `http://localhost:PORT` */
  readonly gateway: string;
}

/** A request to the API. @throws Error when it is refused. */
export type Ask = (method: string, path: string, body?: object) => Promise<Response>;

/** `version`: the one that is measured. `run` is given the URL of a surface with nothing but the server. */
export async function behindGateway(
  { api, token, gateway }: Sandwich,
  serverUrl: string,
  version: string,
  run: (url: string) => Promise<void>,
): Promise<void> {
  const { port, pathname } = new URL(serverUrl);
  const name = `referee-${port}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const ask: Ask = async (method, path, body) => {
    const response = await fetch(`${api}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  // The scenario servers listen on every address; "localhost" may be either.
  const endpoints = [{ url: `http://127.0.0.1:${port}${pathname}` }];
  await ask('PUT', `/v1/servers/${name}`, { versions: [{ version: '1', endpoints }] });
  try {
    await ask('PUT', `/v1/surfaces/${name}`, { auth: 'none', servers: [{ server: name }] });
    try {
      await listed({ surface: name, servers: [name], version, gateway, ask });
      await run(`${gateway}/mcp/${name}`);
    } finally {
      await ask('DELETE', `/v1/surfaces/${name}`);
    }
  } finally {
    await ask('DELETE', `/v1/servers/${name}`);
  }
}

interface Listing {
  readonly surface: string;
  readonly servers: readonly string[];
  /** The servers were seen to speak it; absent: what they speak was found out. */
  readonly version?: string;
  readonly gateway: string;
  readonly ask: Ask;
}

interface Status {
  readonly servers: readonly {
    readonly name: string;
    readonly tools: number;
    readonly protocolVersions: readonly string[];
    readonly refusesDisagreement?: boolean;
  }[];
}

/** A surface shows what has been read of its servers: waits for that, not for a time. */
export async function listed({ surface, servers, version, gateway, ask }: Listing): Promise<void> {
  const known = async (): Promise<Status['servers']> => {
    const status = (await (await ask('GET', '/v1/status')).json()) as Status;
    return status.servers.filter(({ name }) => servers.includes(name));
  };
  const found = await until(`${surface} is read`, known, (each) =>
    each.every(({ protocolVersions, refusesDisagreement }) =>
      version === undefined ? refusesDisagreement !== undefined : protocolVersions.includes(version),
    ),
  );
  /** null: the surface is not known yet. */
  const shown = async (): Promise<string[] | null> => {
    const response = await fetch(`${gateway}/v1/surfaces/${surface}/tools`);
    const text = await response.text();
    return response.ok ? (JSON.parse(text) as { tools: { name: string }[] }).tools.map(({ name }) => name) : null;
  };
  // Those with tools; some show more of them to a client that can do more.
  const prefixes = found.filter(({ tools }) => tools > 0).map(({ name }) => (servers.length > 1 ? `${name}__` : ''));
  await until(
    `${surface} shows what was read`,
    shown,
    (names) => names !== null && prefixes.every((prefix) => names.some((name) => name.startsWith(prefix))),
  );
}
