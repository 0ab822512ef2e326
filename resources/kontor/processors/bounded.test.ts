import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Processor } from '../../../connectors/processors/processor.ts';
import { bounded } from './bounded.ts';
import { untyped } from '../../../tests/refused.ts';

/** A processor that counts how many are at it, and lets nobody go before it is told to. */
function crowded(at_once: number) {
  let [inside, most] = [0, 0];
  const waiting: (() => void)[] = [];
  const come = (): Promise<never> => {
    most = Math.max(most, (inside += 1));
    return new Promise<never>((resolve) => waiting.push(() => { inside -= 1; resolve(untyped({ kind: 'absent' })); }));
  };
  const processor = { name: 'crowded', capabilities: () => ({ at_once }), lookup: come, refund: come, disputes: { find: come, respond: come } } as unknown as Processor;
  return { processor: bounded(processor), waiting, most: () => most };
}

test('no more than so many ask a processor at once, about disputes as well', async () => {
  const { processor, waiting, most } = crowded(2);
  const evidence = { op_id: 'dp_1:respond', dispute: 'dp_1', accept: true } as const;
  const asked = [processor.disputes!.find({ reference: 'dp_1' }), processor.disputes!.respond!(evidence), processor.lookup({ op_id: 'pi_1:charge:1' }), processor.disputes!.find({ reference: 'dp_2' })];
  for (let done = 0; done < asked.length; done += 1) {
    await new Promise(setImmediate);
    assert.equal(waiting.length, Math.min(2, asked.length - done));
    waiting.shift()!();
  }
  await Promise.all(asked);
  assert.equal(most(), 2);
});

test('what a processor does not have is absent when it is asked in turn, too', () => {
  const { processor } = crowded(1);
  assert.equal(processor.payouts, undefined);
});
