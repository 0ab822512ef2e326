import type { VersionChange } from '../../server/http/versions.ts';

export const discountVersions: VersionChange[] = [
  {
    before: '2025-09-30.clover',
    describes: 'A discount names where it comes from: `source: { type: "coupon", coupon }`, with the coupon as an id unless expanded. Before, `coupon` was always the whole coupon.',
    object: 'discount',
    whole: ['source.coupon'],
    expand: (path) => path.replace(/(^|\.)(discounts?)\.coupon(?=\.|$)/g, '$1$2.source.coupon'),
    response(discount) {
      if (!('source' in discount)) return discount;
      const { source, ...rest } = discount;
      return { ...rest, coupon: (source as { coupon?: unknown } | null)?.coupon ?? null };
    },
  },
];
