/** A command of `kontor`: its name, what it takes, and what it does. `perform` finds the one that is asked for, and turns every failure into a sentence and an exit code. */

import { parseArgs, type ParseArgsOptionDescriptor } from 'node:util';
import { nearest } from '../nearest.ts';
import { StartRefused } from '../refused.ts';
import { print, say } from './terminal.ts';

/** `value` names what follows the flag in the help, e.g. `DIR`. */
export type Flag = ParseArgsOptionDescriptor & { about: string; value?: string };
type Flags = Readonly<Record<string, Flag>>;
type Values<F extends Flags> = ReturnType<typeof parseArgs<{ options: F }>>['values'];

type Definition<F extends Flags> = {
  /** One word or two, e.g. `keys create`. */
  name: string;
  /** What it does. The first clause of it is for the list of commands. */
  about: string;
  /** The name of the one argument that the command needs, e.g. `KEY_ID`; without it, it takes none. */
  takes?: string;
  flags: F;
  run(flags: Values<F>, argument: string): Promise<void>;
};

export type Command = Definition<any>; // a list of commands with different flags has no common type of flags

export function command<const F extends Flags>(definition: Definition<F>): Command {
  return definition;
}

/** The command line is wrong: the exit code is 2, and the usage is shown. */
class Misused extends Error {}

/** Runs the command that the words ask for and returns the exit code: 0, 1 where it could not do its work, 2 where it was not understood. */
export async function perform(commands: readonly Command[], words: readonly string[]): Promise<number> {
  if (words.length === 0 || ['help', '--help', '-h'].includes(words[0]!)) return help(commands, words.slice(1));
  const found = find(commands, words[0] === '--version' ? ['version'] : words);
  if (found === undefined) return unknown(commands, words);
  const rest = words.slice(found.name.split(' ').length);
  if (rest.includes('--help') || rest.includes('-h')) return help(commands, found.name.split(' '));
  try {
    const { values, argument } = read(found, rest);
    await found.run(values, argument);
    return 0;
  } catch (error) {
    if (error instanceof Misused) {
      say(`${error.message}\n\n${usage(found)}`);
      return 2;
    }
    say(sentence(error));
    return 1;
  }
}

function find(commands: readonly Command[], words: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name === words.slice(0, name.split(' ').length).join(' '));
}

function read({ flags, takes }: Command, words: readonly string[]): { values: object; argument: string } {
  let parsed: { values: object; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...words], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    const flag = /'(-[^\s',]*)/.exec((error as Error).message)?.[1] ?? '';
    if ((error as { code?: string }).code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new Misused(valueMistake(flags, flag));
    const meant = nearest(flag.replace(/^-+/, ''), Object.keys(flags));
    throw new Misused(`There is no flag ${flag}.${meant === undefined ? '' : ` Did you mean --${meant}?`}`);
  }
  const { values, positionals } = parsed;
  const [argument = '', surplus] = takes === undefined ? ['', ...positionals] : positionals;
  if (takes !== undefined && argument === '') throw new Misused(`The ${takes} is missing.`);
  if (surplus !== undefined) throw new Misused(`'${surplus}' is one word too many.`);
  return { values, argument };
}

function valueMistake(flags: Flags, flag: string): string {
  const known = flags[flag.replace(/^-+/, '')];
  return known?.type === 'boolean' ? `${flag} takes no value.` : `${flag} needs a value${known?.value === undefined ? '' : `: ${flag} ${known.value}`}.`;
}

function unknown(commands: readonly Command[], words: readonly string[]): number {
  const spoken = words.filter((word) => !word.startsWith('-'));
  const group = commands.filter(({ name }) => name.startsWith(`${spoken[0]} `));
  if (group.length > 0 && spoken.length === 1) {
    say(`kontor ${spoken[0]} needs one more word.\n\n${summary(group)}`);
    return 2;
  }
  const said = spoken.slice(0, group.length > 0 ? 2 : 1).join(' ') || words[0]!;
  const names = [...new Set(commands.flatMap(({ name }) => [name, name.split(' ')[0]!]))];
  const meant = nearest(said, group.length > 0 ? group.map(({ name }) => name) : names) ?? nearest(spoken.slice(0, 2).join(' '), names);
  say(`There is no command 'kontor ${said}'.${meant === undefined ? '' : ` Did you mean 'kontor ${meant}'?`}\n\n${summary(group.length > 0 ? group : commands)}`);
  return 2;
}

function help(commands: readonly Command[], words: readonly string[]): number {
  if (words.length === 0) {
    print(`Kontor is billing that you host yourself, with Stripe's API.\n\n${summary(commands)}\n\nkontor help COMMAND tells more about one of them. In Kontor's directory, kontor is: npm run kontor --`);
    return 0;
  }
  const group = commands.filter(({ name }) => name.startsWith(`${words[0]} `));
  const found = find(commands, words);
  if (found === undefined && (words.length > 1 || group.length === 0)) return unknown(commands, words);
  print(found === undefined ? summary(group) : usage(found));
  return 0;
}

function summary(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return ['Commands:', ...commands.map(({ name, about }) => `  kontor ${name.padEnd(width)}  ${brief(about)}`)].join('\n');
}

/** In a list the first clause is enough; the rest is told with the command. */
const brief = (about: string): string => `${about.split(/[.:;](?: |$)/, 1)[0]!}.`;

function usage({ name, about, takes, flags }: Command): string {
  const entries = Object.entries(flags as Flags).map(([flag, { value, type, about }]) => ({ left: `--${flag}${type === 'string' ? ` ${value ?? 'VALUE'}` : ''}`, about }));
  const width = Math.max(0, ...entries.map(({ left }) => left.length));
  const head = `kontor ${name}${takes === undefined ? '' : ` ${takes}`}${entries.length === 0 ? '' : ' [flags]'}`;
  return [head, `  ${about}`, ...(entries.length === 0 ? [] : ['', ...entries.map(({ left, about }) => `  ${left.padEnd(width)}  ${about}`)])].join('\n');
}

/** PostgreSQL went away under the command, or the Kontor beside which it runs has only just begun. */
const PASSING = ['57P01', '57P02', '57P03', '3D000', 'ECONNREFUSED', 'ECONNRESET', 'ENOENT'];

function sentence(error: unknown): string {
  if (error instanceof StartRefused) return error.message;
  const { code, message, stack } = error as { code?: string; message?: string; stack?: string };
  if (code !== undefined && PASSING.includes(code)) return `The database was being started or stopped meanwhile (${message || code}). Try again in a moment.`;
  return `Kontor failed, and this is a mistake of ours. Please report it with what follows.\n${stack ?? String(error)}`;
}
