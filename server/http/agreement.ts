/**
 * The comparison of our schemas with the types of the official library, at compile time and at no cost in running. Beside a room's schemas:
 *
 *     agrees<Stripe.CustomerCreateParams, typeof createCustomer>(true);
 *     covers<Stripe.CustomerCreateParams, typeof createCustomer>(true);
 *
 * `agrees` fails to compile where we know a parameter, or a choice, that Stripe does not have; `covers` also where Stripe has one that we neither support nor declare `unsupported`.
 * The compiler then names them: `Argument of type 'true' is not assignable to parameter of type '"Stripe does not have items[][prize]"'`.
 */
import type { Fields, ListOf, MapOf } from './params.ts';
import type { Presence, Schema } from './schema.ts';

type StructureOf<S> = S extends Schema<any, Presence, infer T> ? T : never;

/** Without what stands for "nothing". */
type Full<T> = Exclude<T, null | undefined | ''>;
/** What of Stripe's type is a map or a list. */
type Structured<T> = Extract<Full<T>, object>;
type Element<T> = Structured<T> extends infer L ? (L extends readonly (infer E)[] ? E : never) : never;
type Entry<T> = Structured<T> extends infer M ? (M extends readonly unknown[] ? never : M[keyof M]) : never;
type Names<T> = Structured<T> extends infer M ? (M extends readonly unknown[] ? never : M extends object ? keyof M & string : never) : never;
type Held<T, K extends string> = Structured<T> extends infer M ? (K extends keyof M ? M[K] : never) : never;
/** The words of a choice. Stripe's types add any other text to them, which is left out here. */
type Literals<T> = Full<T> extends infer L ? (L extends string ? (string extends L ? never : L) : never) : never;
type Inside<At extends string, K extends string> = At extends '' ? K : `${At}[${K}]`;

/** Where our structure `S` goes beyond Stripe's type. */
type Beyond<Theirs, S, At extends string> = S extends Fields<infer F>
  ? { [K in keyof F & string]: K extends Names<Theirs> ? Beyond<Held<Theirs, K>, StructureOf<F[K]>, Inside<At, K>> : Inside<At, K> }[keyof F & string]
  : S extends ListOf<infer E>
    ? [Element<Theirs>] extends [never] ? `${At} (a list)` : Beyond<Element<Theirs>, E, `${At}[]`>
    : S extends MapOf<infer E>
      ? Beyond<Entry<Theirs>, E, `${At}[*]`>
      : S extends { values: infer V extends string }
        ? [Literals<Theirs>] extends [never] ? never : Exclude<V, Literals<Theirs>> extends infer X extends string ? `${At}=${X}` : never
        : never;

/** What Stripe's type has beyond our structure `S`. A field that we declare `unsupported` counts as had; so does all that is inside a field that we read as a single value. */
type Lacking<Theirs, S, At extends string> = S extends Fields<infer F>
  ? Exclude<Names<Theirs>, keyof F | 'expand'> extends infer X extends string
    ? (X extends string ? Inside<At, X> : never) | { [K in keyof F & string]: Lacking<Held<Theirs, K>, StructureOf<F[K]>, Inside<At, K>> }[keyof F & string]
    : never
  : S extends ListOf<infer E>
    ? Lacking<Element<Theirs>, E, `${At}[]`>
    : S extends MapOf<infer E>
      ? Lacking<Entry<Theirs>, E, `${At}[*]`>
      : never;

/** The parameters of Stripe that the schema neither supports nor declares unsupported, as a union of their names: `address[line1] | tax`. */
export type Undeclared<Theirs, S extends Schema<any, Presence, any>> = Lacking<Theirs, StructureOf<S>, ''>;
/** The parameters of the schema that Stripe does not have. */
export type Unknown<Theirs, S extends Schema<any, Presence, any>> = Beyond<Theirs, StructureOf<S>, ''>;

type Told<Problem extends string, Words extends string> = [Problem] extends [never] ? true : `${Words} ${Problem}`;
type Agreement<Theirs, S extends Schema<any, Presence, any>, Except extends string> = Told<Exclude<Unknown<Theirs, S>, Except>, 'Stripe does not have'>;
type Coverage<Theirs, S extends Schema<any, Presence, any>, Except extends string> = Told<Exclude<Undeclared<Theirs, S>, Except>, 'Neither supported nor declared unsupported:'>;

/** States that Stripe has all that the schema has, `Except` for our own additions. */
export function agrees<Theirs, S extends Schema<any, Presence, any>, Except extends string = never>(_: Agreement<Theirs, S, Except>): void {}

/** States that the schema has all that Stripe has, `Except` for what is left out on purpose. */
export function covers<Theirs, S extends Schema<any, Presence, any>, Except extends string = never>(_: Coverage<Theirs, S, Except>): void {}
