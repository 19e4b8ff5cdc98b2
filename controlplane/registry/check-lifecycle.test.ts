import { describe, test } from 'vitest';
import { type Case, checkCase, server, state } from './testdata/together.ts';

const cases: readonly Case[] = [
  {
    name: 'a new server begins in a first state',
    documents: [
      server('a', state('requested')),
      server('b', state('in-review')),
      server('c', state('staging')),
      server('d', state('active')),
    ],
    problems: [],
  },
  {
    name: 'a new server comes as it was elsewhere, so that an export can be restored',
    documents: [server('a', state('canary')), server('b', state('deprecated')), server('c', state('decommissioned'))],
    problems: [],
  },
  {
    name: 'a version that comes to a server begins in a first state',
    documents: [server('a', state('active'), state('canary', '2'), state('deprecated', '3'), state('staging', '4'))],
    stored: [server('a', state('active'))],
    problems: [
      '0 versions.1.state a new version begins as requested, in-review, staging or active, found "canary"',
      '0 versions.2.state a new version begins as',
    ],
  },
  {
    name: 'a change of state says why',
    documents: [server('a', state('staging')), server('b', state('active'), state('staging', '2'))],
    stored: [server('a', state('in-review')), server('b', state('active'))],
    reasoned: false,
    problems: ['0 versions.0.state a change of state needs a reason'],
  },
  {
    name: 'a version goes into a state that may follow, beside another one that makes room',
    documents: [server('a', state('deprecated'), state('active', '2'))],
    stored: [server('a', state('active'), state('staging', '2'))],
    problems: [],
  },
  {
    name: 'a version does not leave out states',
    documents: [server('a', state('decommissioned'), state('active', '2'))],
    stored: [server('a', state('active'), state('requested', '2'))],
    problems: [
      '0 versions.0.state "decommissioned" does not follow "active"; wanted deprecated',
      '0 versions.1.state "active" does not follow "requested"; wanted in-review or decommissioned',
    ],
  },
  {
    name: 'a decommissioned version stays so',
    documents: [server('a', state('active'))],
    stored: [server('a', state('decommissioned'))],
    problems: ['0 versions.0.state "active" does not follow "decommissioned"; wanted nothing: it is final'],
  },
  {
    name: 'a rollback brings a state back whatever may follow what',
    documents: [server('a', state('active'))],
    stored: [server('a', state('decommissioned'), state('active', '2'))],
    rollback: true,
    problems: [],
  },
  {
    name: 'versions that were never served, or no more, may leave',
    documents: [server('a', state('active', '9'))],
    stored: [
      server(
        'a',
        state('requested', '1'),
        state('in-review', '2'),
        state('staging', '3'),
        state('decommissioned', '4'),
        state('active', '9'),
      ),
    ],
    problems: [],
  },
  {
    name: 'a version in use does not leave, and it is said what to do',
    documents: [server('a', state('staging', '9'))],
    stored: [server('a', state('active', '1'), state('canary', '2'), state('deprecated', '3'))],
    problems: [
      '0 versions the version "1" is "active" and cannot be left out: make it "deprecated", then "decommissioned" first',
      '0 versions the version "2" is "canary" and cannot be left out: make it "staging" first',
      '0 versions the version "3" is "deprecated" and cannot be left out: make it "decommissioned" first',
    ],
  },
  {
    name: 'a whole server in use that no surface names can be deleted',
    deletes: [{ kind: 'Server', name: 'a' }],
    stored: [server('a', state('active'), state('canary', '2'))],
    problems: [],
  },
];

describe('the versions of a server', () => {
  test.each(cases)('$name', checkCase);
});
