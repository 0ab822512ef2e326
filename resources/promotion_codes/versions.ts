import type { Raw } from '../../server/http/forms.ts';
import type { VersionChange } from '../../server/http/versions.ts';

export const promotionCodeVersions: VersionChange[] = [
  {
    before: '2025-09-30.clover',
    describes: 'A promotion code is made for a promotion: `promotion: { type: "coupon", coupon }`, with the coupon as an id unless expanded. Before, it was made for a `coupon`, and had the whole coupon.',
    object: 'promotion_code',
    whole: ['promotion.coupon'],
    expand: (path) => path.replace(/(^|\.)promotion_code\.coupon(?=\.|$)/g, '$1promotion_code.promotion.coupon'),
    response(code) {
      if (!('promotion' in code)) return code;
      const { promotion, ...rest } = code;
      return { ...rest, coupon: (promotion as { coupon?: unknown } | null)?.coupon ?? null };
    },
    request: {
      path: 'POST /v1/promotion_codes',
      up(raw) {
        if (raw.coupon === undefined || raw.promotion !== undefined) return;
        raw.promotion = Object.assign(Object.create(null), { type: 'coupon', coupon: raw.coupon }) as Raw;
        delete raw.coupon;
      },
    },
  },
  {
    before: '2025-09-30.clover',
    describes: 'On the promotion codes themselves, `coupon` of `expand` is `promotion.coupon`.',
    request: {
      path: /^(?:GET|POST) \/v1\/promotion_codes(?:\/|$)/,
      up(raw) {
        const lift = (path: Raw): Raw => (typeof path === 'string' ? path.replace(/^(data\.)?coupon(?=\.|$)/, '$1promotion.coupon') : path);
        if (Array.isArray(raw.expand)) raw.expand = raw.expand.map(lift);
        else if (typeof raw.expand === 'object' && raw.expand !== null) for (const name of Object.keys(raw.expand)) raw.expand[name] = lift(raw.expand[name] ?? '');
      },
    },
  },
];
