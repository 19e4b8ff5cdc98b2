import { expect, test } from 'vitest';
import { checkPolicy } from '../../../core/catalog/check-policy.ts';
import { importedFromTraefik, type TraefikChoice } from './imported.ts';

const from = (place: string): string => `\${${place}}`;
const FILE = `apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: Shop MCP
spec:
  plugin:
    mcp:
      resourceMetadata: { resource: https://mcp.example.com }
      policies:
        - match: Equals(\`mcp.method\`, \`initialize\`)
          action: allow
        - match: |
            Equals(\`mcp.method\`, \`tools/call\`) &&
              Prefix(\`mcp.params.name\`, \`admin_\`) && !Contains(\`jwt.groups\`, \`admin\`)
          action: deny
        - match: Equals(\`mcp.method\`, \`tools/call\`) && Contains(\`jwt.allowed_tools\`, \`${from('mcp.params.name')}\`)
          action: allow
        - match: Equals(\`mcp.method\`, \`tools/call\`) && OneOf(\`mcp.params.name\`, \`a\`, \`b\`)
          action: deny
      defaultAction: deny
`;

function imported(text: string, choice: TraefikChoice = {}) {
  const result = importedFromTraefik(text, choice);
  if ('problem' in result) throw new Error(JSON.stringify(result.problem));
  expect(checkPolicy(result.document)).toBeNull();
  return result;
}

test('the first that matches counts: denials hold where nothing before them allows', () => {
  const { document, notes } = imported(FILE, { server: 'shop', surfaces: ['support'], mode: 'shadow' });
  const allowed =
    'has(jwt.allowed_tools) && (kindOf(jwt.allowed_tools) == "string" ? jwt.allowed_tools.contains(tool.name) : kindOf(jwt.allowed_tools) == "list" && jwt.allowed_tools.exists(x, (x == tool.name || kindOf(x) in ["number", "boolean"] && string(x) == tool.name)))';
  expect(document).toMatchObject({ name: 'shop-mcp', mode: 'shadow', surfaces: ['support'] });
  expect(document.rules).toEqual([
    {
      id: 'p2-tools',
      effect: 'deny',
      tools: ['shop/admin_*'],
      when: [
        '!((has(jwt.groups) && (kindOf(jwt.groups) == "string" ? jwt.groups.contains("admin") : kindOf(jwt.groups) == "list" && jwt.groups.exists(x, x == "admin"))))',
      ],
    },
    { id: 'p3-tools', effect: 'allow', tools: ['shop/*'], when: [`(${allowed})`] },
    { id: 'p4-tools', effect: 'deny', tools: ['shop/a', 'shop/b'], when: [`!((${allowed}))`] },
  ]);
  expect(notes).toEqual([
    '"resourceMetadata" was left out: it is said of a surface, not in a policy',
    'initialize, ping, lists and notifications need no rule here; a list shows what may be called',
    'a number is compared by its value: 5.0 is 5',
    'line 10: left out, no call depends on it',
  ]);
});

test('what is allowed by default is allowed where no denial holds', () => {
  const { document } = imported(
    'policies:\n  - { match: "Equals(`mcp.params.name`, `rm`)", action: deny }\ndefaultAction: allow\n',
  );
  expect(document.name).toBe('traefik');
  expect(
    document.rules.map(({ id, effect, tools, prompts, resources }) => [id, effect, tools ?? prompts ?? resources]),
  ).toEqual([
    ['p1-tools', 'deny', ['*/rm']],
    ['p2-tools', 'allow', ['*']],
    ['p1-prompts', 'deny', ['*/rm']],
    ['p2-prompts', 'allow', ['*']],
    ['p2-prompts-2', 'allow', ['*']],
    ['p2-resources', 'allow', ['*']],
  ]);
});

test('a middleware of a file provider', () => {
  const text =
    'http:\n  middlewares:\n    my-mcp:\n      plugin:\n        mcp:\n          policies:\n            - match: Equals(`jwt.sub`, `a`)\n              action: allow\n          defaultAction: deny\n';
  expect(imported(text).document).toMatchObject({ name: 'my-mcp', mode: 'enforce', surfaces: ['*'] });
});

test('list policies that say what the policies say', () => {
  const rule = 'match: "Prefix(`mcp.params.name`, `get_`)"';
  const text = `policies: [{ ${rule}, action: allow }]\nlistPolicies: [{ ${rule}, action: show }]\ndefaultAction: deny\nlistDefaultAction: hide\n`;
  expect(imported(text).document.rules).toHaveLength(2);
});

const policy = (match: string, more = ''): string => `policies:\n  - match: ${match}\n    action: allow\n${more}`;
test.each<[string, string, number, number, string]>([
  ['no YAML', 'a: [', 1, 5, 'Flow sequence'],
  ['no middleware', 'a: 1', 1, 1, 'there is no MCP middleware'],
  ['two middlewares', `${FILE}---\n${FILE}`, 29, 7, 'there are 2 MCP middlewares'],
  ['an unknown member', policy('Equals(`jwt.sub`, `a`)', 'audit: true\n'), 4, 1, '"audit" has no translation'],
  [
    'an unknown member of a policy',
    policy('Equals(`jwt.sub`, `a`)', '    backend: b\n'),
    4,
    5,
    '"backend" of a policy',
  ],
  [
    'another action',
    'policies:\n  - match: Equals(`jwt.sub`, `a`)\n    action: audit\n',
    3,
    13,
    'found the action "audit"',
  ],
  ['an unknown function', policy('Matches(`jwt.sub`, `^a`)'), 2, 12, 'there is no function "Matches"'],
  ['a function of another case', policy('equals(`jwt.sub`, `a`)'), 2, 12, 'there is no function "equals"'],
  ['an argument too few', policy('Equals(`jwt.sub`)'), 2, 12, 'Equals has 1 arguments, wanted 2'],
  ['a missing parenthesis', policy('Equals(`jwt.sub`, `a`'), 2, 32, 'found "the end", wanted ","'],
  ['an unknown key', policy('Equals(`mcp.id`, `1`)'), 2, 19, 'found the key "mcp.id"'],
  ['a key that is filled in', policy(`Equals(\`jwt.${from('mcp.method')}\`, \`1\`)`), 2, 19, 'found the key'],
  ['a number in an unusual form', policy('Equals(`jwt.level`, `5.0`)'), 2, 12, '"5.0" is compared as a text there'],
  ['a number that is too large', policy('Equals(`jwt.level`, `9007199254740993`)'), 2, 12, 'compared as a text'],
  ['a limit that is no number', policy('Lte(`jwt.level`, `many`)'), 2, 12, 'wanted a number'],
  [
    'a name where there is none',
    policy(`Contains(\`jwt.tools\`, \`${from('mcp.params.name')}\`)`),
    2,
    34,
    'is not there in completion/complete: say for which mcp.method this is',
  ],
  [
    'a place in a block of text',
    'policies:\n  - match: |\n      Equals(`jwt.sub`, `a`) &&\n        Bad(`x`)\n    action: allow\n',
    4,
    9,
    'there is no function "Bad"',
  ],
  [
    'a place in quotes',
    'policies:\n  - { match: "Equals(`jwt.sub`, `a`) && Bad(`x`)", action: allow }\n',
    2,
    41,
    '"Bad"',
  ],
  [
    'a denial of a list',
    'policies:\n  - { match: "Equals(`mcp.method`, `tools/list`)", action: deny }\ndefaultAction: allow\n',
    2,
    15,
    'a denial of what is no call',
  ],
  [
    'list policies of their own',
    `${policy('Equals(`jwt.sub`, `a`)')}listPolicies:\n  - match: Equals(\`jwt.sub\`, \`b\`)\n    action: show\n`,
    5,
    12,
    'lists show here what may be called',
  ],
  ['a policy that says nothing', 'policies: []\ndefaultAction: deny\n', 1, 1, 'nothing is allowed or denied'],
])('%s is refused, with its place', (_, text, line, column, message) => {
  const result = importedFromTraefik(text, {});
  expect(result).toEqual({ problem: { line, column, message: expect.stringContaining(message) } });
});
