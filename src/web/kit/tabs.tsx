import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly content: () => ComponentChildren;
}

const STEPS: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at, last) => (at === last ? 0 : at + 1),
  ArrowLeft: (at, last) => (at === 0 ? last : at - 1),
  Home: () => 0,
  End: (_at, last) => last,
};

/** One of several views of the same thing; arrow keys go from one to the next, as the ARIA pattern for tabs has it. */
export function Tabs(props: { readonly label: string; readonly tabs: readonly Tab[] }) {
  const { tabs } = props;
  const chosen = useSignal(tabs[0]?.id ?? '');
  const at = Math.max(
    0,
    tabs.findIndex(({ id }) => id === chosen.value),
  );
  const onKey = (event: KeyboardEvent): void => {
    const next = tabs[STEPS[event.key]?.(at, tabs.length - 1) ?? -1];
    if (next === undefined) return;
    event.preventDefault();
    chosen.value = next.id;
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="stack">
      <div class="tabs" role="tablist" aria-label={props.label} onKeyDown={onKey}>
        {tabs.map(({ id, title }, n) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            aria-selected={n === at}
            aria-controls={`panel-${id}`}
            tabindex={n === at ? 0 : -1}
            onClick={() => (chosen.value = id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="stack" role="tabpanel" id={`panel-${tabs[at]?.id}`} aria-labelledby={`tab-${tabs[at]?.id}`}>
        {tabs[at]?.content()}
      </div>
    </div>
  );
}
