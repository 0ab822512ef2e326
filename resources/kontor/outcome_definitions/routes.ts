/** What a success is, said once as data. */
import type { Room } from '../../../server/context.ts';
import { get, post } from '../../../server/http/route.ts';
import * as commands from './commands.ts';
import { preview } from './past.ts';
import * as params from './params.ts';
import { outcomeDefinition } from './resource.ts';

export const outcomeDefinitions: Room = {
  resources: [outcomeDefinition],
  routes: [
    post('/v1/kontor/outcome_definitions', params.createDefinition, commands.create),
    post('/v1/kontor/outcome_definitions/preview', params.previewDefinition, preview, { counts: true }),
    get('/v1/kontor/outcome_definitions', params.listDefinitions, commands.list),
    get('/v1/kontor/outcome_definitions/:outcome_definition', params.nothing, commands.retrieve),
    post('/v1/kontor/outcome_definitions/:outcome_definition', params.updateDefinition, commands.update),
    get('/v1/kontor/outcome_definitions/:outcome_definition/versions', params.nothing, commands.versions),
    post('/v1/kontor/outcome_definitions/:outcome_definition/versions', params.createVersion, commands.addVersion),
    post('/v1/kontor/outcome_definitions/:outcome_definition/archive', params.nothing, commands.archive),
  ],
};
