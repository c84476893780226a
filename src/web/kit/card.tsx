import type { ComponentChildren } from 'preact';

/** A part of a screen with a heading of its own; `aside` stands at the end of the heading's line. */
export function Card(props: {
  readonly title?: string;
  readonly id?: string;
  readonly class?: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={`card ${props.class ?? ''}`} id={props.id}>
      {props.title === undefined ? null : (
        <header>
          <h2>{props.title}</h2>
          {props.aside}
        </header>
      )}
      {props.children}
    </section>
  );
}
