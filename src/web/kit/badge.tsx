import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'fair' | 'bad' | 'info';

/** A state in one or two words. Its colour only repeats what the words say. */
export function Badge(props: { readonly tone?: Tone; readonly id?: string; readonly children: ComponentChildren }) {
  return (
    <span class={props.tone === undefined ? 'badge' : `badge ${props.tone}`} id={props.id}>
      {props.children}
    </span>
  );
}
