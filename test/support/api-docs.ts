// Decides how docs/api.md is written from the route table, and how the examples in it are read again.
import { API_ERRORS } from '../../controlplane/api/error.ts';
import { openApiDocument } from '../../controlplane/api/openapi.ts';
import { PERMISSIONS } from '../../controlplane/api/permissions.ts';
import type { Example, Route } from '../../controlplane/api/route.ts';
import type { Asked } from './api-world.ts';

/** One example as it stands in the document. */
export interface WrittenExample {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
  readonly type: string;
  readonly answer: string;
}

const GENERATED = '<!-- From here on generated from the route table: UPDATE_DOCS=1 with test/api-docs.test.ts. -->';

/** What is written by hand stays; the rest is made anew. `answerOf` gives what stands below an example. */
export function renderDocs(
  earlier: string,
  routes: readonly Route[],
  answerOf: (route: Route, example: Example) => Pick<WrittenExample, 'status' | 'type' | 'answer'>,
): string {
  const byHand = earlier.slice(0, earlier.indexOf(GENERATED));
  const document = openApiDocument(routes) as { paths: Record<string, Record<string, Operation>> };
  const operationOf = ({ path, method }: Route): Operation | undefined =>
    document.paths[path.replace(/:([A-Za-z]+)/g, '{$1}')]?.[method.toLowerCase()];
  return [
    `${byHand}${GENERATED}`,
    '## Who may do what',
    table(
      ['role', 'may'],
      Object.values(PERMISSIONS).map(({ roles, what }) => [roles.map(code).join(' or '), what]),
    ),
    '`admin` may do everything, and whoever has any role may read.',
    '## Errors',
    table(
      ['code', 'HTTP', 'meaning'],
      Object.entries(API_ERRORS).map(([key, { status, title }]) => [code(key), String(status), title]),
    ),
    '## All routes',
    table(
      ['route', 'roles', 'what it does'],
      routes.map((route) => [code(`${route.method} ${route.path}`), rolesOf(route), route.summary]),
    ),
    '## Examples',
    ...routes
      .filter(({ examples }) => examples.length > 0)
      .flatMap((route) => [
        `### ${code(`${route.method} ${route.path}`)}`,
        route.summary,
        ...parametersOf(operationOf(route)),
        ...route.examples.flatMap((example) => [
          `**${example.title}**`,
          fence('http', requestText(route, example)),
          fence('http', answerText(answerOf(route, example))),
        ]),
      ]),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

interface Operation {
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly schema: Readonly<Record<string, unknown>>;
  }[];
}

function parametersOf(operation: Operation | undefined): string[] {
  const rows = (operation?.parameters ?? [])
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, description = '', schema }) => [code(name), description, usual(schema)]);
  return rows.length === 0 ? [] : [table(['parameter', 'meaning', 'absent'], rows)];
}

function usual({ default: found }: Readonly<Record<string, unknown>>): string {
  return found === undefined || JSON.stringify(found) === '[]' ? '' : code(JSON.stringify(found).replaceAll('"', ''));
}

function rolesOf({ access }: Route): string {
  if (access === 'open') return 'everybody';
  if (access === 'registry') return '`viewer`, or everybody (a setting)';
  return access.map(code).join(' or ');
}

function requestText({ method }: Route, { path, headers = {}, body }: Example): string {
  const lines = [`${method} ${path}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return body === undefined ? lines.join('\n') : [...lines, '', jsonText(body)].join('\n');
}

function answerText({ status, type, answer }: Pick<WrittenExample, 'status' | 'type' | 'answer'>): string {
  const lines = [String(status), ...(type === '' ? [] : [`content-type: ${type}`])];
  return answer === '' ? lines.join('\n') : [...lines, '', answer].join('\n');
}

/** As the document shows it: without what is new each time. */
export function shownAnswer({ status, type, body, text }: Asked): Pick<WrittenExample, 'status' | 'type' | 'answer'> {
  const answer = type.includes('json') ? jsonText(body) : text.trimEnd();
  return {
    status,
    type,
    answer: answer
      .replace(/chk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}/g, 'chk_1a2b3c4d_EXAMPLE')
      .replace(/chk_[0-9a-f]{8}(?!_)/g, 'chk_1a2b3c4d')
      .replace(/"id": "[0-9a-f]{8}"/g, '"id": "1a2b3c4d"'),
  };
}

const EXAMPLE =
  /```http\n(?<method>[A-Z]+) (?<path>\S+)\n(?<headers>(?:[^\n]+: [^\n]*\n)*)(?:\n(?<body>.*?)\n)?```\n\n```http\n(?<status>\d+)\n(?:content-type: (?<type>[^\n]*)\n)?(?:\n(?<answer>.*?)\n)?```/gs;

export function readExamples(text: string): readonly WrittenExample[] {
  return [...text.slice(text.indexOf(GENERATED)).matchAll(EXAMPLE)].map(({ groups = {} }) => ({
    method: groups.method ?? '',
    path: groups.path ?? '',
    headers: Object.fromEntries(
      (groups.headers ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    ),
    body: groups.body,
    status: Number(groups.status),
    type: groups.type ?? '',
    answer: groups.answer ?? '',
  }));
}

/** The keys and types of a value, without what it says. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

const LINE_CHARS_MAX = 100;

/** JSON with each object on one line that fits there. */
function jsonText(value: unknown, indent = ''): string {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || indent.length + line.length <= LINE_CHARS_MAX)
    return line.replace(/(?<=^(?:[^"]|"(?:[^"\\]|\\.)*")*)([:,])/g, '$1 ');
  const deeper = `${indent}  `;
  const members = Array.isArray(value)
    ? value.map((item) => jsonText(item, deeper))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${jsonText(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${members.map((member) => deeper + member).join(',\n')}\n${indent}${close}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heading), `|${heading.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
