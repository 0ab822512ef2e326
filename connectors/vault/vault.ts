/**
 * The contract of a vault: the one place that keeps card numbers.
 *
 * Four rules hold for every vault.
 * 1. A number goes in and never comes out. What leaves is a token, the last four digits, a fingerprint, and what a processor has made of the number when the vault presented it there.
 * 2. What is kept is bound to its world, its token and its place: what was moved or changed does not open.
 * 3. A security code is never written. It is in memory until the card is first presented, and for fifteen minutes at most.
 * 4. A vault that cannot answer says `down`; whoever asked has changed nothing and may ask again.
 */

/** A card as somebody has typed it. `number` is digits in ASCII, with spaces or dashes; `at` is when, in seconds. */
export type TypedCard = { world: number; number: Uint8Array; cvc: Uint8Array | null; at: number };

/** A card in the vault: `vlt_…`. */
export type Entry = { world: number; token: string };

/** It cannot be asked. `reason` is for the log and for operators, and has nothing of a card in it. */
export type Down = { kind: 'down'; reason: string };
/** The caller's mistake. The number is never part of the message. */
export type Refused = { kind: 'refused'; code: string; decline_code: string | null; message: string; param: 'number' | 'cvc'; type?: 'card_error' | 'invalid_request_error' };
export type Kept = {
  kind: 'kept';
  token: string;
  last4: string;
  /** The same for the same number in one world, and nothing that a number could be found from without the vault's key. */
  fingerprint: string;
};
/** `reference` is the processor's own token for the card. */
export type Provisioned = { kind: 'provisioned'; reference: string } | { kind: 'absent' } | Down;

export type Vault = {
  keep(card: TypedCard): Promise<Kept | Refused | Down>;
  /** Presents the card to a processor, which keeps it under a token of its own. `absent` where the vault has no such card, or does not know the processor. */
  provision(entry: Entry, processor: string): Promise<Provisioned>;
  /** Forgets a card: its key is destroyed. */
  shred(entry: Entry): Promise<{ kind: 'shredded' | 'absent' } | Down>;
  /** The cards of a world that were kept at a moment or before. */
  list(world: number, until: number): Promise<{ kind: 'listed'; tokens: string[] } | Down>;
};

/** The keys of a vault, from the outside in: the root key seals those of the worlds, these seal the data keys, and each card has a data key of its own. */
export const KEY_LEVELS = ['root', 'worlds', 'data'] as const;
export type KeyLevel = (typeof KEY_LEVELS)[number];

/** What an operator does with a vault. All of it throws an error with a sentence where it cannot be done. */
export type Custody = {
  /** Opens every card. `findings` are sentences about those that do not open, or are not what they were. */
  check(): Promise<{ cards: number; findings: string[] }>;
  /** Takes new keys of a level and seals everything with them that was sealed with the old ones. One that was broken off is finished, and no other begun. */
  rotate(level: KeyLevel): Promise<{ sealed: number; resumed: boolean }>;
  close(): Promise<void>;
};

/** Inside of a vault: what hands a number to a processor. `number` is digits only; it is wiped when `present` has answered. */
export type Presenter = {
  processor: string;
  /** Whether the processor would take this number at all. */
  takes(number: Uint8Array): boolean;
  present(card: { number: Uint8Array; cvc: Uint8Array | null }): Promise<{ reference: string }>;
};

const OFF: Refused = {
  kind: 'refused', code: 'payment_method_invalid_parameter', decline_code: null, param: 'number', type: 'invalid_request_error',
  message: 'Card numbers are not taken in live mode, where the vault is off. Collect the card in the browser by the fields of your payment processor, and give the token or the id that it makes of it.',
};

/** A vault that is off: it takes nothing and has nothing. */
export const vaultOff: Vault = {
  keep: async () => OFF,
  provision: async () => ({ kind: 'absent' }),
  shred: async () => ({ kind: 'absent' }),
  list: async () => ({ kind: 'listed', tokens: [] }),
};
