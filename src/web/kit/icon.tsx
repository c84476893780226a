import type { IconNode } from 'lucide';
import { h } from 'preact';

/** An icon of lucide. It is an ornament beside a text; alone it needs `label`. */
export function Icon(props: { readonly of: IconNode; readonly label?: string; readonly class?: string }) {
  const { of, label } = props;
  return (
    <svg
      role="img"
      aria-hidden={label === undefined}
      aria-label={label ?? ''}
      class={`icon ${props.class ?? ''}`}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      {of.map(([tag, attributes], n) => h(tag, { key: n, ...attributes }))}
    </svg>
  );
}
