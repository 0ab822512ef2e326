import type { Room } from '../../../server/context.ts';
import { post } from '../../../server/http/route.ts';
import { foldAgain } from '../../../server/usage/intake/fold.ts';
import * as commands from './commands.ts';
import { watchers } from './observe.ts';
import * as params from './params.ts';

export const meterEvents: Room = { usage: watchers, routes: [post('/v1/billing/meter_events', params.createMeterEvent, commands.create, { gathered: true })], timers: foldAgain };
