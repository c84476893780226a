import type { IconNode } from 'lucide';
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

/** Where there is nothing yet: what would be here, and what brings it. */
export function EmptyState(props: {
  readonly icon: IconNode;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty-state">
      <Icon of={props.icon} />
      <strong>{props.title}</strong>
      {props.children}
    </div>
  );
}
