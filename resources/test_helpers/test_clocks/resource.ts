import type Stripe from 'stripe';
import type { TestClockRow } from '../../../billing/test_clock.ts';
import type { Resource, World } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Wire } from '../../../server/http/wire.ts';

function render(clock: TestClockRow, world: World): Wire<Stripe.TestHelpers.TestClock> {
  return {
    id: clock.id,
    object: 'test_helpers.test_clock',
    created: clock.created,
    deletes_after: clock.deletes_after,
    frozen_time: clock.frozen_time,
    livemode: world.livemode,
    name: clock.name,
    status: clock.status,
    status_details: clock.status_details,
  };
}

export const testClock: Resource<TestClockRow> = {
  object: 'test_helpers.test_clock',
  prefix: 'clock',
  render,
  load: (ctx, ids) => rows<TestClockRow>(ctx.tx, sql`select * from test_clocks where id = any(${ids}::text[])`),
};
