// Decides which commands there are: the words and flags of each, in one table that the command line and the help read.
import type { Command } from './context.ts';

export interface FlagRow {
  readonly short?: string;
  /** What its value is called; absent: it has none. */
  readonly value?: string;
  /** It may be given several times. */
  readonly multiple?: true;
  readonly doc: string;
}

interface CommandRow {
  /** After the name. */
  readonly usage: string;
  readonly doc: string;
  /** Words that are no flags: how many at least, and at most. */
  readonly words: readonly [number, number];
  readonly flags: Readonly<Record<string, FlagRow>>;
  /** After the program's name. */
  readonly examples: readonly string[];
  readonly load: () => Promise<Command>;
}

const DRY_RUN = { doc: 'write nothing; show what would change, in the registry and in what Envoy receives' } as const;
const WHY = { value: 'TEXT', doc: 'the reason, for the change log' } as const;
const OUTPUT = { short: 'o', value: 'json|yaml|wide', doc: 'for a program, or with more columns' } as const;
const LIMIT = { value: 'N', doc: 'show no more than this' } as const;

/** By name, in the order in which the help shows them. */
export const COMMANDS = {
  up: {
    usage: '[--example NAME]',
    doc: 'run everything until Ctrl-C',
    words: [0, 0],
    flags: { example: { value: 'NAME', doc: 'fill an empty registry with the documents of examples/NAME.yaml' } },
    examples: ['up', 'up --example quickstart'],
    load: async () => (await import('./up/up.ts')).run,
  },
  apply: {
    usage: '-f FILE|DIR|-',
    doc: 'write documents into the registry: all of them, or none',
    words: [0, 0],
    flags: {
      file: {
        short: 'f',
        value: 'FILE|DIR|-',
        multiple: true,
        doc: 'YAML or JSON; of a directory all *.yaml, *.yml, *.json below it; - is the standard input',
      },
      prune: { doc: 'delete every other document but secrets, whose values cannot be brought back' },
      'dry-run': DRY_RUN,
      why: WHY,
    },
    examples: ['apply -f my-servers.yaml', 'apply -f documents/ --prune --dry-run', 'export | chancery apply -f -'],
    load: async () => (await import('./commands/apply.ts')).run,
  },
  export: {
    usage: '[-o DIR]',
    doc: 'print all documents (secrets without their values); applying them changes nothing',
    words: [0, 0],
    flags: { output: { short: 'o', value: 'DIR', doc: 'write one file for each document, as kind/name.yaml' } },
    examples: ['export > documents.yaml', 'export -o documents/'],
    load: async () => (await import('./commands/export.ts')).run,
  },
  get: {
    usage: 'KIND [NAME]',
    doc: 'show secrets, servers, issuers, surfaces, policies, node-groups, runtimes, nodes, keys or the log',
    words: [1, 2],
    flags: {
      output: OUTPUT,
      label: {
        short: 'l',
        value: 'KEY=VALUE',
        multiple: true,
        doc: 'only documents with this label, or with KEY alone',
      },
      limit: LIMIT,
    },
    examples: ['get servers', 'get servers -l team=payments -o wide', 'get nodes', 'get log --limit 20'],
    load: async () => (await import('./commands/get.ts')).run,
  },
  delete: {
    usage: 'KIND NAME',
    doc: 'delete a document',
    words: [2, 2],
    flags: { 'dry-run': DRY_RUN, why: WHY },
    examples: ['delete surface review', 'delete server github --dry-run'],
    load: async () => (await import('./commands/delete.ts')).run,
  },
  history: {
    usage: 'KIND NAME',
    doc: 'show who changed a document, when and why',
    words: [2, 2],
    flags: { output: OUTPUT, limit: LIMIT },
    examples: ['history policy example', 'history server github -o yaml'],
    load: async () => (await import('./commands/history.ts')).run,
  },
  rollback: {
    usage: 'KIND NAME REVISION',
    doc: 'bring a document back as it was at a revision',
    words: [3, 3],
    flags: { 'dry-run': DRY_RUN, why: WHY },
    examples: ['rollback policy example 41 --dry-run', 'rollback policy example 41 --why "42 locked everybody out"'],
    load: async () => (await import('./commands/rollback.ts')).run,
  },
  transition: {
    usage: 'SERVER VERSION STATE --why TEXT',
    doc: 'bring a version of a server into another state of its life',
    words: [3, 3],
    flags: {
      percent: { value: 'N', doc: 'canary: this share of sessions, 0 to 100' },
      principals: { value: 'A,B', doc: 'canary: these subjects, as globs' },
      sunset: { value: 'DATE', doc: 'when the version that is deprecated will be gone, e.g. 2027-01-31' },
      'dry-run': DRY_RUN,
      why: WHY,
    },
    examples: [
      'transition github 2.0.0 canary --percent 5 --principals "tester-*" --why "try it"',
      'transition github 2.0.0 active --sunset 2027-01-31 --why "tried for a week"',
    ],
    load: async () => (await import('./commands/transition.ts')).run,
  },
  'key create': {
    usage: '--sub NAME',
    doc: 'make an API key, which is printed once and never again',
    words: [0, 0],
    flags: {
      sub: { value: 'NAME', doc: 'who it stands for' },
      surfaces: { value: 'A,B', doc: 'the surfaces that it opens, as globs; absent: all' },
      groups: { value: 'A,B', doc: 'groups, as policies read them; with --admin-role, as rules name who approves' },
      scopes: { value: 'A,B', doc: 'scopes, as policies read them' },
      ttl: { value: 'TIME', doc: 'how long it is good, e.g. 12h or 30d; absent: 90d' },
      'admin-role': {
        value: 'ROLE',
        multiple: true,
        doc: 'a key for the REST API instead of the gateway: viewer, operator, approver, security or admin',
      },
      description: { value: 'TEXT', doc: 'what it is for' },
      why: WHY,
    },
    examples: [
      'key create --sub ci-agent --surfaces review --ttl 30d > ci-agent.key',
      'key create --sub deploys --admin-role operator',
    ],
    load: async () => (await import('./commands/key.ts')).create,
  },
  'key list': {
    usage: '',
    doc: 'show the API keys, without the keys themselves',
    words: [0, 0],
    flags: { output: OUTPUT, limit: LIMIT },
    examples: ['key list'],
    load: async () => (await import('./commands/key.ts')).list,
  },
  'key revoke': {
    usage: 'ID',
    doc: 'revoke an API key, for good',
    words: [1, 1],
    flags: { why: WHY },
    examples: ['key revoke 1a2b3c4d --why "it was in a log"'],
    load: async () => (await import('./commands/key.ts')).revoke,
  },
  revoke: {
    usage: '--sub NAME|--jti ID',
    doc: 'take back, at once, what was given to a subject until now, or one token',
    words: [0, 0],
    flags: {
      sub: { value: 'NAME', doc: "a token's sub: all that it was given; who logs in anew may come again" },
      jti: { value: 'ID', doc: "a token's jti: this one" },
      issuer: { value: 'URL', doc: 'only of this issuer; absent: of any, API keys and certificates too' },
      for: { value: 'TIME', doc: 'how long it stands: longer than what it takes back is good; absent: 30d' },
      why: WHY,
    },
    examples: [
      'revoke --sub alice --why "the laptop is lost"',
      'revoke --jti 0f8a… --issuer https://login.example.com',
    ],
    load: async () => (await import('./commands/revoke.ts')).run,
  },
  'approvals list': {
    usage: '',
    doc: 'show the calls that wait, or waited, for a person to approve them',
    words: [0, 0],
    flags: {
      output: OUTPUT,
      limit: LIMIT,
      state: { value: 'STATE', doc: 'only those that are pending, approved, denied, used or expired' },
      surface: { value: 'NAME', doc: 'only those of this surface' },
    },
    examples: ['approvals list --state pending', 'approvals list --surface support -o wide'],
    load: async () => (await import('./commands/approvals.ts')).list,
  },
  'approvals show': {
    usage: 'ID',
    doc: 'show one of them, with the arguments of the call',
    words: [1, 1],
    flags: { output: { short: 'o', value: 'json|yaml|wide', doc: 'absent: yaml' } },
    examples: ['approvals show 859b71f39fe401c7072f0275dafa9abf'],
    load: async () => (await import('./commands/approvals.ts')).show,
  },
  'approvals approve': {
    usage: 'ID',
    doc: 'let the call be made, once; by a person that its rule names, and never by its caller',
    words: [1, 1],
    flags: { why: { value: 'TEXT', doc: 'the reason, which is kept beside' } },
    examples: ['approvals approve 859b71f39fe401c7072f0275dafa9abf --why "the customer called"'],
    load: async () => (await import('./commands/approvals.ts')).approve,
  },
  'approvals deny': {
    usage: 'ID',
    doc: 'refuse the call',
    words: [1, 1],
    flags: { why: { value: 'TEXT', doc: 'the reason, which is kept beside' } },
    examples: ['approvals deny 859b71f39fe401c7072f0275dafa9abf --why "not without an order"'],
    load: async () => (await import('./commands/approvals.ts')).deny,
  },
  'tools changes': {
    usage: '',
    doc: 'show the changes of tools that wait, or waited, for somebody to approve them',
    words: [0, 0],
    flags: {
      output: OUTPUT,
      limit: LIMIT,
      server: { value: 'NAME', doc: 'only those of this server' },
      state: { value: 'STATE', doc: 'only those that are pending, approved, rejected or withdrawn' },
    },
    examples: ['tools changes --state pending', 'tools changes --server github -o wide'],
    load: async () => (await import('./commands/tools.ts')).changes,
  },
  'tools show': {
    usage: 'ID',
    doc: 'show one of them, with each place where the tool is another',
    words: [1, 1],
    flags: { output: { short: 'o', value: 'json|yaml|wide', doc: 'absent: yaml' } },
    examples: ['tools show 4b03f9c1f0fa'],
    load: async () => (await import('./commands/tools.ts')).show,
  },
  'tools approve': {
    usage: 'ID',
    doc: 'show everybody the tool as its server lists it now',
    words: [1, 1],
    flags: { why: WHY },
    examples: ['tools approve 4b03f9c1f0fa --why "looked through"'],
    load: async () => (await import('./commands/tools.ts')).approve,
  },
  'tools reject': {
    usage: 'ID',
    doc: 'leave the tool as it was',
    words: [1, 1],
    flags: { why: WHY },
    examples: ['tools reject 4b03f9c1f0fa --why "the description tells the model what to do"'],
    load: async () => (await import('./commands/tools.ts')).reject,
  },
  'tools canary': {
    usage: 'ID',
    doc: 'show it to some, while it waits; without flags to nobody',
    words: [1, 1],
    flags: {
      percent: { value: 'N', doc: 'this share of principals, 0 to 100' },
      principals: { value: 'A,B', doc: 'these subjects, as globs' },
      why: WHY,
    },
    examples: ['tools canary 4b03f9c1f0fa --percent 5 --principals "tester-*"'],
    load: async () => (await import('./commands/tools.ts')).canary,
  },
  'tools pins': {
    usage: 'SERVER',
    doc: "show which definitions of a server's tools are approved",
    words: [1, 1],
    flags: { output: OUTPUT, limit: LIMIT, version: { value: 'VERSION', doc: 'only those of this version' } },
    examples: ['tools pins github', 'tools pins github --version 2.0.0'],
    load: async () => (await import('./commands/tools.ts')).pins,
  },
  decisions: {
    usage: '',
    doc: 'show what was decided of calls, newest first',
    words: [0, 0],
    flags: {
      output: OUTPUT,
      limit: LIMIT,
      surface: { value: 'NAME', doc: 'only those on this surface' },
      sub: { value: 'NAME', doc: 'only those about this subject' },
      target: { value: 'SERVER/NAME', doc: 'only those about this tool, prompt or resource' },
      outcome: {
        value: 'OUTCOME',
        doc: 'only those that were allowed, denied, or refused (a quota, an approval that is missing, …)',
      },
      since: { value: 'TIME', doc: 'only those of the last, e.g. 2h or 7d, or since a date' },
    },
    examples: ['decisions --sub alice --outcome denied', 'decisions --target payments/refund --since 2h -o wide'],
    load: async () => (await import('./commands/decisions.ts')).run,
  },
  explain: {
    usage: '--surface NAME TOOL',
    doc: 'say why somebody may or may not see and use a tool: every rule, every condition, its value',
    words: [1, 1],
    flags: {
      surface: { value: 'NAME', doc: 'where; absent: default' },
      sub: { value: 'NAME', doc: 'who; absent: somebody' },
      issuer: { value: 'URL', doc: 'whose token it would be' },
      group: { value: 'NAME', multiple: true, doc: 'a group that he is in' },
      scope: { value: 'NAME', multiple: true, doc: 'a scope that he has' },
      task: { value: 'NAME', multiple: true, doc: 'a task that he is about' },
      claim: { value: 'KEY=JSON', multiple: true, doc: 'another claim of his token' },
      agent: { value: 'NAME', doc: 'the program that calls for him' },
      address: { value: 'ADDRESS', doc: 'where the call comes from' },
      label: { value: 'NAME', multiple: true, doc: 'a label that earlier calls left' },
      args: { value: 'JSON', doc: 'arguments of the call; absent: as for a list' },
      kind: { value: 'tool|prompt|resource', doc: 'absent: tool' },
      output: { short: 'o', value: 'json|yaml', doc: 'for a program' },
    },
    examples: [
      'explain --surface support --sub alice --group support refund --args \'{"amount": 300}\'',
      'explain --kind resource --sub bob docs://handbook',
    ],
    load: async () => (await import('./commands/explain.ts')).run,
  },
  replay: {
    usage: 'FILE|-',
    doc: 'try a policy on the recorded decisions of the last days: which would change, and which cannot be known',
    words: [1, 1],
    flags: {
      since: { value: 'TIME', doc: 'how far back, e.g. 12h or 7d; absent: 7d' },
      output: { short: 'o', value: 'json|yaml', doc: 'for a program' },
    },
    examples: ['replay refunds.yaml', 'replay refunds.yaml --since 2d'],
    load: async () => (await import('./commands/replay.ts')).run,
  },
  'policy test': {
    usage: 'FILE...',
    doc: 'check policies and run their tests: those in them, and those in NAME.tests.yaml beside',
    words: [1, 1000],
    flags: {},
    examples: ['policy test refunds.yaml', 'policy test policies/*.yaml'],
    load: async () => (await import('./commands/policy-test.ts')).run,
  },
  'secret set': {
    usage: 'NAME',
    doc: 'write the value of a secret, which is read from the terminal unseen, the standard input or a file',
    words: [1, 1],
    flags: {
      'from-file': { value: 'FILE', doc: 'read the value from this file' },
      type: { value: 'opaque|tls', doc: 'absent: as it is, or opaque' },
      certificate: { value: 'FILE', doc: 'tls: PEM of the certificate' },
      'private-key': { value: 'FILE', doc: 'tls: PEM of its key' },
      description: { value: 'TEXT', doc: 'what it is for' },
      why: WHY,
    },
    examples: [
      'secret set github-token',
      'secret set github-token --from-file token.txt',
      'secret set client-cert --type tls --certificate client.crt --private-key client.key',
    ],
    load: async () => (await import('./commands/secret.ts')).run,
  },
  import: {
    usage: 'FILE|-',
    doc: "register the server of an official registry's server.json",
    words: [1, 1],
    flags: {
      name: { value: 'NAME', doc: 'call it so; absent: after its own name' },
      remote: { value: 'N', doc: 'which of its remotes to use, from 0' },
      package: { value: 'N', doc: 'which of its packages to use, from 0' },
      'dry-run': DRY_RUN,
      why: WHY,
    },
    examples: ['import server.json', 'import server.json --name github --dry-run'],
    load: async () => (await import('./commands/import.ts')).run,
  },
  'import traefik': {
    usage: 'FILE|-',
    doc: 'make a policy of an MCP middleware of Traefik; what has no faithful translation is refused, with its place',
    words: [1, 1],
    flags: {
      name: { value: 'NAME', doc: "the policy's name; absent: the middleware's" },
      server: { value: 'NAME', doc: 'whose tools it speaks of; absent: those of every server' },
      surfaces: { value: 'A,B', doc: 'where it applies, as globs; absent: everywhere' },
      shadow: { doc: 'decide and count, but do not enforce' },
      'dry-run': DRY_RUN,
      why: WHY,
    },
    examples: ['import traefik middleware.yaml --server shop --dry-run', 'import traefik middleware.yaml --shadow'],
    load: async () => (await import('./commands/import-traefik.ts')).run,
  },
  token: {
    usage: '[--sub NAME]',
    doc: 'print a bearer token of the local issuer',
    words: [0, 0],
    flags: {
      sub: { value: 'NAME', doc: 'who it stands for; absent: agent' },
      surface: { value: 'NAME', doc: 'the surface that it opens; absent: default' },
      ttl: { value: 'TIME', doc: 'how long it is good, e.g. 15m; absent: 12h' },
      groups: { value: 'A,B', doc: 'groups, as policies read them' },
      scope: { value: '"A B"', doc: 'scopes, as policies read them' },
    },
    examples: ['token', 'token --sub alice --surface review --ttl 15m --groups ops,dev'],
    load: async () => (await import('./commands/token.ts')).run,
  },
} as const satisfies Record<string, CommandRow>;

export type CommandName = keyof typeof COMMANDS;

/** As a row of the table, without what is known of one in particular. */
export function commandRow(name: CommandName): CommandRow {
  return COMMANDS[name];
}

/** `key create --sub NAME` is named by two words, `get servers` by one; null when there is none of that name. Total. */
export function commandNamed(argv: readonly string[]): { name: CommandName; args: readonly string[] } | null {
  for (const count of [2, 1]) {
    const name = argv.slice(0, count).join(' ');
    if (argv.length >= count && Object.hasOwn(COMMANDS, name))
      return { name: name as CommandName, args: argv.slice(count) };
  }
  return null;
}
