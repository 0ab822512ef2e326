/** What a schema of parameters is, and the sentences in which it refuses. The kinds are in `scalars.ts` and `params.ts`. */
import { refuse } from '../../billing/decision.ts';
import { quoted, Upload, type Raw } from './forms.ts';

/** A form carries only strings; JSON carries numbers, booleans and null too. */
export type Wire = 'form' | 'json';

/** Whether a field must be there. `defaulted` fields may be left out and are there all the same; `unsupported` ones may only be left out. */
export type Presence = 'optional' | 'required' | 'defaulted' | 'unsupported';

/** A schema as data, for documents and the table of compatibility. */
export type Description = {
  kind: string;
  doc?: string;
  required?: true;
  /** An empty value unsets the field. */
  clearable?: true;
  default?: unknown;
  /** Why a name that Stripe has is refused. */
  unsupported?: string;
  fields?: Record<string, Description>;
  rules?: string[];
  of?: Description;
  options?: Description[];
  values?: string[];
  min?: number | string;
  max?: number | string;
  places?: number;
  prefix?: string;
  pattern?: string;
};

/** Reads a raw value into a `T` or refuses. `S` is the structure in types, for the comparison with Stripe's own types. */
export type Schema<T = unknown, P extends Presence = Presence, S = unknown> = {
  readonly presence: P;
  /** Whether the raw value looks like one of this kind: how `oneOf` chooses. */
  fits(raw: Raw, wire: Wire): boolean;
  /** `at` is the parameter as the caller spells it, e.g. `items[0][price]`. */
  read(raw: Raw, at: string, wire: Wire): T;
  readonly about: Description;
  /** For `defaulted`: the value of a field that was left out. */
  readonly fallback: T | undefined;
  /** Only in types. */
  readonly structure?: S;
};

/** The TypeScript type of what a schema reads. */
export type Params<S> = S extends Schema<infer T, Presence, unknown> ? T : never;

export type Leaf = { leaf: true };

export function schema<T, S = Leaf>(about: Description, fits: (raw: Raw, wire: Wire) => boolean, read: (raw: Raw, at: string, wire: Wire) => T): Schema<T, 'optional', S> {
  return { presence: 'optional', fits, read, about, fallback: undefined };
}

/** What was sent, short enough for a message. */
export function said(raw: Raw): string {
  if (Array.isArray(raw)) return '[…]';
  if ((raw as unknown) instanceof Upload) return 'a file';
  if (typeof raw === 'object' && raw !== null) return '{…}';
  return quoted(String(raw));
}

export function isEmpty(raw: Raw): boolean {
  return raw === '' || raw === null;
}

export function refuseEmpty(at: string): never {
  return refuse(
    'parameter_invalid_empty',
    `\`${at}\` is empty. An empty value unsets a parameter, and this one cannot be unset: leave it out, or give it a value.`,
    at,
  );
}

export function refuseBelow(min: bigint | number | string, at: string): never {
  return refuse('parameter_invalid_integer', `\`${at}\` must be at least ${min}.`, at);
}

export function refuseAbove(max: bigint | number | string, at: string): never {
  return refuse('parameter_invalid_integer', `\`${at}\` must be at most ${max}.`, at);
}

/** `a, b, or c`, as Stripe enumerates. */
export function alternatives(words: readonly string[]): string {
  if (words.length <= 2) return words.join(' or ');
  return `${words.slice(0, -1).join(', ')}, or ${words[words.length - 1]}`;
}
