/** Answers what the vault's process is asked. */
import { passesLuhn } from '../../../billing/payment/card_number.ts';
import { KEY_LEVELS, type Presenter, type Refused } from '../vault.ts';
import { Cards } from './cards.ts';
import { Keyring, RootFile } from './keys.ts';
import { Store } from './store.ts';
import type { Answers, Asked, Questions, Verb } from './words.ts';

/** A security code that nobody has used is forgotten after so long. */
const CVC_MS = 15 * 60_000;

/** Longer things are not numbers of cards, security codes or names. */
const MOST = { number: 40, cvc: 10, name: 64 } as const;

const refusal = (code: string, param: 'number' | 'cvc', message: string, decline_code: string | null = null): Refused => ({ kind: 'refused', code, decline_code, message, param });

const isDigits = (bytes: Uint8Array): boolean => bytes.every((byte) => byte >= 48 && byte <= 57);

/** American Express prints four digits on the front, others three on the back. */
const isAmex = (number: Uint8Array): boolean => number[0] === 51 && (number[1] === 52 || number[1] === 55);

/** Without spaces and dashes. */
const digitsOf = (typed: Uint8Array): Uint8Array => typed.filter((byte) => byte !== 32 && byte !== 45);

/** Without a number of a card: what looks like one is taken out of every error. */
const TEST_CARD = 'In the sandbox take a test card, such as the one whose number is 42, eight times over, or the name `pm_card_visa`.';

function fits(asked: Asked): boolean {
  const { world, token, processor, number, cvc, at, until, level } = asked.question as Partial<Questions['keep'] & Questions['provision'] & Questions['list'] & Questions['rotate']>;
  const isName = (value: unknown): boolean => typeof value === 'string' && value.length <= MOST.name;
  const isBytes = (value: unknown, most: number): boolean => value instanceof Uint8Array && value.length <= most;
  switch (asked.verb) {
    case 'keep': return Number.isSafeInteger(world) && Number.isSafeInteger(at) && isBytes(number, MOST.number) && (cvc === null || isBytes(cvc, MOST.cvc));
    case 'provision': return Number.isSafeInteger(world) && isName(token) && isName(processor);
    case 'shred': return Number.isSafeInteger(world) && isName(token);
    case 'list': return Number.isSafeInteger(world) && Number.isSafeInteger(until);
    case 'check': return true;
    case 'rotate': return KEY_LEVELS.includes(level!);
    default: return false;
  }
}

export class Desk {
  readonly #store: Store;
  readonly #cards: Cards;
  readonly #presenters: Map<string, Presenter>;
  /** Security codes by token, until their first use. */
  readonly #codes = new Map<string, { cvc: Uint8Array; timer: NodeJS.Timeout }>();

  private constructor(store: Store, cards: Cards, presenters: readonly Presenter[]) {
    this.#store = store;
    this.#cards = cards;
    this.#presenters = new Map(presenters.map((each) => [each.processor, each]));
  }

  static async open(directory: string, key_file: string, modules: readonly string[]): Promise<Desk> {
    const presenters = await Promise.all(modules.map(async (url) => ((await import(url)) as { presenter: Presenter }).presenter));
    const store = new Store(directory);
    return new Desk(store, new Cards(store, new Keyring(store, new RootFile(key_file))), presenters);
  }

  close(): void {
    this.#store.close();
  }

  async answer(asked: Asked): Promise<Answers[Verb]> {
    if (!fits(asked)) throw new Error('The vault was asked something that it does not know.');
    switch (asked.verb) {
      case 'keep': return this.#keep(asked.question);
      case 'provision': return this.#provision(asked.question);
      case 'shred': return this.#shred(asked.question);
      case 'list': return { kind: 'listed', tokens: this.#cards.list(asked.question.world, asked.question.until) };
      case 'check': return this.#cards.check();
      case 'rotate': return this.#cards.rotate(asked.question.level);
    }
  }

  #keep({ world, number: typed, cvc, at }: Questions['keep']): Answers['keep'] {
    const number = digitsOf(typed);
    try {
      const refused = this.#refused(number, cvc);
      if (refused) return refused;
      const kept = this.#cards.keep(world, number, at);
      if (cvc && cvc.length > 0) this.#remember(kept.token, cvc);
      return kept;
    } finally {
      typed.fill(0);
      number.fill(0);
    }
  }

  /** A sandbox must never keep a real card: a number is taken only if a presenter's processor knows it. */
  #refused(number: Uint8Array, cvc: Uint8Array | null): Refused | null {
    if (number.length < 12 || number.length > 19 || !isDigits(number)) return refusal('invalid_number', 'number', `A card number has 12 to 19 digits. ${TEST_CARD}`);
    if (!passesLuhn(number)) return refusal('incorrect_number', 'number', 'The card number is mistyped: its check digit is wrong.');
    if (![...this.#presenters.values()].some((each) => each.takes(number))) {
      return refusal(
        'card_declined', 'number',
        `This looks like a real card, and the sandbox takes test cards only; nothing of it was kept. ${TEST_CARD}`, 'test_mode_live_card',
      );
    }
    if (cvc === null || cvc.length === 0 || (isDigits(cvc) && (cvc.length === 3 || (cvc.length === 4 && isAmex(number))))) return null;
    return refusal('invalid_cvc', 'cvc', isAmex(number) ? 'The security code has four digits.' : 'The security code has three digits.');
  }

  #remember(token: string, cvc: Uint8Array): void {
    const timer = setTimeout(() => this.#take(token)?.fill(0), CVC_MS);
    timer.unref();
    this.#codes.set(token, { cvc, timer });
  }

  #take(token: string): Uint8Array | null {
    const kept = this.#codes.get(token);
    if (!kept) return null;
    clearTimeout(kept.timer);
    this.#codes.delete(token);
    return kept.cvc;
  }

  async #provision({ world, token, processor }: Questions['provision']): Promise<Answers['provision']> {
    const presenter = this.#presenters.get(processor);
    const number = presenter ? this.#cards.open(world, token) : null;
    if (!presenter || !number) return { kind: 'absent' };
    const cvc = this.#take(token);
    try {
      return { kind: 'provisioned', ...(await presenter.present({ number, cvc })) };
    } finally {
      number.fill(0);
      cvc?.fill(0);
    }
  }

  #shred({ world, token }: Questions['shred']): Answers['shred'] {
    this.#take(token)?.fill(0);
    return { kind: this.#cards.shred(world, token) ? 'shredded' : 'absent' };
  }
}
