// Decides what is registered for the bench: two servers on one backend, a surface of both, and a policy with twenty rules.
import { TOOL } from './fake-mcp.ts';

export const SURFACE = 'bench';
export const SUBJECT = 'bench';
const SERVERS = ['one', 'two'] as const;

/** The called tool's name on the surface: with several servers, names carry the server's as prefix. */
export const PUBLIC_TOOL = `${SERVERS[0]}__${TOOL}`;

export interface RegisteredDocument {
  /** Path in the REST API. */
  readonly path: string;
  readonly body: object;
}

/** In the order in which they must be written. `backendSocket` is absolute. Pure. */
export function documents(backendSocket: string): readonly RegisteredDocument[] {
  const servers = SERVERS.map((name) => ({
    path: `/v1/servers/${name}`,
    body: {
      kind: 'Server',
      name,
      versions: [{ version: '1', endpoints: [{ url: `unix:${backendSocket}:/mcp` }] }],
    },
  }));
  const surface = { kind: 'Surface', name: SURFACE, servers: SERVERS.map((server) => ({ server })) };
  const policy = { kind: 'Policy', name: 'bench', version: 'tbac/v1', surfaces: [SURFACE], rules: rules() };
  return [...servers, { path: `/v1/surfaces/${SURFACE}`, body: surface }, { path: '/v1/policies/bench', body: policy }];
}

/** What one team's policy may hold: rules that allow the call, that speak of other tools, and of other callers. */
function rules(): readonly object[] {
  const others = ['github', 'jira', 'mail', 'files', 'search', 'deploy'];
  return [
    { id: 'allow-own', effect: 'allow', who: { subjects: [SUBJECT] }, tools: SERVERS.map((name) => `${name}/*`) },
    { id: 'allow-read', effect: 'allow', tools: ['*/read', '*/list'] },
    { id: 'deny-delete', effect: 'deny', tools: ['*/delete'], reason: 'nothing is deleted here' },
    { id: 'deny-write', effect: 'deny', who: { not: { groups: ['writers'] } }, tools: ['*/write'] },
    { id: 'deny-guests', effect: 'deny', who: { subjects: ['guest-*'] }, tools: ['*/*'] },
    { id: 'deny-contractors', effect: 'deny', who: { groups: ['contractors'] }, tools: ['two/*'] },
    { id: 'deny-foreign', effect: 'deny', who: { issuers: ['https://elsewhere.example'] }, tools: ['*/*'] },
    { id: 'deny-prompts', effect: 'deny', prompts: ['two/*'] },
    ...others.map((team) => ({
      id: `allow-${team}`,
      effect: 'allow',
      who: { groups: [team] },
      tools: [`one/${team}_*`],
    })),
    ...others.map((team) => ({
      id: `deny-${team}`,
      effect: 'deny',
      who: { not: { groups: [team] } },
      tools: [`*/${team}_admin_*`],
    })),
  ];
}
