/** No more than so many operations are under way at a processor at once. The others wait for their turn, not longer than a call is this process's own. */
import type { Processor } from '../../../connectors/processors/processor.ts';
import { Turnstile } from '../../../server/turnstile.ts';

/** A turn that has not come by then is given up. */
const PATIENCE_MS = 20_000;

/** What only computes; everything else asks the processor. */
const COMPUTING: ReadonlySet<string | symbol> = new Set<keyof Processor>(['capabilities', 'presented', 'judgeEvidence', 'receive']);
/** What of it asks by methods of its own. */
const ASKING: keyof Processor = 'disputes';

/** What a thing does, in turn but for what only computes; what it has that asks by itself, too. */
function inTurn<T extends object>(thing: T, turnstile: Turnstile): T {
  return new Proxy(thing, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name === ASKING && typeof value === 'object' && value !== null) return inTurn(value, turnstile);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...given: unknown[]) => Promise<unknown>;
      return COMPUTING.has(name) ? method : (...given: unknown[]) => turnstile.pass(() => method(...given));
    },
  });
}

/** The processor, asked in turn. An operation whose turn does not come throws that it was not reached. */
export function bounded(processor: Processor): Processor {
  const { at_once } = processor.capabilities();
  return at_once === undefined ? processor : inTurn(processor, new Turnstile(at_once, PATIENCE_MS));
}
