/** Words that are not written, and what is written instead. */

import { isTest, matches, ofCode, type Law, type Problem, type Source } from './source.ts';

type Ban = {
  readonly pattern: RegExp;
  readonly message: string;
  /** What is looked at: code without strings, or with them (for SQL), or all text with comments and prose. */
  readonly look: 'code' | 'uncommented' | 'text';
  /** Where it may stand: paths, or folders with a `/` at the end. */
  readonly except: readonly string[];
};

const aroundTheProgram = ['tests/', 'tools/', 'examples/'];

const bans: readonly Ban[] = [
  {
    pattern: /\b(Date\.now|Temporal\.Now|performance\.timeOrigin)\b|\bnew Date\(\s*\)|(?<![.\w])Date\(\s*\)/g, look: 'code', except: ['server/clock.ts', ...aroundTheProgram],
    message: 'reads the machine\'s clock. Time is a parameter: take `now` from the moment, or a Clock from server/clock.ts.',
  },
  {
    pattern: /(?<![.\w])now\(\)|\b(current_timestamp|clock_timestamp|statement_timestamp|current_date|localtimestamp)\b/g, look: 'uncommented', except: ['server/clock.ts', 'server/database/migrate.ts', 'server/webhooks/', 'server/cli/', ...aroundTheProgram],
    message: 'reads the database\'s clock. Time is a parameter: pass the moment\'s `now` as a value, to_timestamp(…).',
  },
  { pattern: /\bMath\.random\b/g, look: 'code', except: ['server/clock.ts', ...aroundTheProgram], message: 'is chance that nobody can replay. Take new ids from the moment, secrets from node:crypto.' },
  {
    pattern: /(?<![.\w])(setTimeout|setInterval|setImmediate)\b/g, look: 'code', except: ['server/workers.ts', 'server/http/serve.ts', 'server/usage/intake/', 'server/webhooks/dispatch.ts', 'server/database/', 'connectors/', 'elements/', 'dashboard/', ...aroundTheProgram],
    message: 'waits in memory, and a killed process forgets. Write a timer in the decision; server/timers.ts runs it.',
  },
  {
    pattern: /(?<![.\w])fetch\s*\(|\bnode:https?\b/g, look: 'uncommented', except: ['server/http/serve.ts', 'server/usage/intake/', 'server/webhooks/dispatch.ts', 'server/cli/', 'connectors/', 'elements/', 'dashboard/', ...aroundTheProgram],
    message: 'calls the outside. Write a call in the decision; a connector makes it after the commit, and its answer comes back as a command.',
  },
  {
    pattern: /\bprocess\.env\b/g, look: 'code', except: ['server/config.ts', 'server/cli/', 'server/database/cluster.ts', 'kontor.ts', ...aroundTheProgram],
    message: 'reads the environment. Everything that can be set is in the table of server/config.ts; take it from the Config.',
  },
  {
    pattern: /\bconsole\.\w+/g, look: 'code', except: ['kontor.ts', 'server/cli/', 'elements/', 'dashboard/', ...aroundTheProgram],
    message: 'prints past the log. Use the Log of server/log.ts, which never shows a body, a key or a card.',
  },
  {
    pattern: /(:\s*any\b(?!\s*>)|\bas any\b|\bany\[\]|\bRecord<string, any>|\bPromise<any>|\bArray<any>)/g, look: 'code', except: aroundTheProgram,
    message: 'turns the compiler off. Write `unknown` and find out what it is, or the type.',
  },
  { pattern: /@ts-(ignore|nocheck)\b/g, look: 'text', except: [], message: 'turns the compiler off. Say it in types; where the compiler is wrong, @ts-expect-error with the reason.' },
  {
    pattern: /\bparseFloat\s*\(|\bNumber\(\s*(?:\w+[.?!]+)*\w*(amount|subtotal|total|balance|price|fee|cost|tax)\w*\s*\)/gi, look: 'code', except: ['billing/money.ts', ...aroundTheProgram],
    message: 'makes a float of money. Amounts are bigint; into JSON they go by minor() of billing/money.ts, which checks that they fit.',
  },
  { pattern: new RegExp(`\\b(TO${'DO'}|FIX${'ME'})\\b`, 'g'), look: 'text', except: [], message: 'is a promise to nobody. Do it now, refuse what is not supported, or write it down where it is decided.' },
  { pattern: new RegExp(`\\biss${'ue'} #\\d+`, 'gi'), look: 'text', except: [], message: 'says how the work was done, not what is true of the product. Leave it out.' },
];

export const words: Law = (files) => files.filter((file) => ofCode(file) || /\.(md|sql|css|html|json|yml|yaml)$/.test(file.path)).flatMap((file) => bans.flatMap((ban) => offences(file, ban)));

function offences(file: Source, ban: Ban): Problem[] {
  if (ban.look !== 'text' && (!ofCode(file) || isTest(file.path))) return [];
  if (ban.except.some((place) => (place.endsWith('/') ? file.path.startsWith(place) : file.path === place))) return [];
  return matches(file, file[ban.look], ban.pattern, (match) => `${match[0].trim()} ${ban.message}`);
}
