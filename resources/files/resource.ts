import type Stripe from 'stripe';
import type { Resource } from '../../server/context.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { filesById, placed, type FileWhole } from './rows.ts';

export const renderFile = ({ id, created, purpose, filename, size, type, url }: FileWhole): Wire<Stripe.File> => ({
  id, object: 'file', created, expires_at: null, filename, links: null, purpose, size: minor(size), title: null, type, url,
});

export const file: Resource<FileWhole> = { object: 'file', prefix: 'file', render: renderFile, load: async (ctx, ids) => (await filesById(ctx.tx, ids)).map((each) => placed(ctx, each)) };
