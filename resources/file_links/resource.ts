import type Stripe from 'stripe';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { fileLinksById, placed, type FileLinkWhole } from './rows.ts';

export const renderFileLink = ({ id, created, expired, expires_at, file, metadata, url }: FileLinkWhole, { livemode }: World): Wire<Stripe.FileLink> => ({
  id, object: 'file_link', created, expired, expires_at, file, livemode, metadata, url: expired ? null : url,
});

export const fileLink: Resource<FileLinkWhole> = {
  object: 'file_link', prefix: 'link', render: renderFileLink, load: async (ctx, ids) => (await fileLinksById(ctx.tx, ids)).map((each) => placed(ctx, each)), expands: { file: 'file' },
};
