import type { ComponentChildren } from 'preact';

/** A few figures in a row, each with what it is. */
export function Stats(props: { readonly of: readonly (readonly [label: string, value: ComponentChildren])[] }) {
  return (
    <dl class="stats">
      {props.of.map(([label, value]) => (
        <div class="stat" key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
