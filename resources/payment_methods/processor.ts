/** Which processor keeps and charges cards: in test mode the sandbox, in live mode the one that the operator has configured. */
import { refuse } from '../../billing/decision.ts';
import type { Processor } from '../../connectors/processors/processor.ts';
import type { App, World } from '../../server/context.ts';

declare module '../../server/context.ts' {
  interface Connectors {
    processors: { test: Processor; live: Processor | null };
  }
}

/** The processor of a world, or null where live mode has none yet. */
export function findProcessor(app: App, world: World): Processor | null {
  const { test, live } = app.connectors.processors;
  return world.livemode ? live : test;
}

export function processorOf(app: App, world: World): Processor {
  return findProcessor(app, world) ?? refuse(undefined, 'No payment processor is configured for live mode, so cards can be neither kept nor charged. Configure one, or use a test key.', undefined, { status: 400 });
}
