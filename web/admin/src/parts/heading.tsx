import type { ComponentChildren } from "preact";

// What a page is, what it is for, and what can be done there.
export function Heading(props: { title: string; text?: string; children?: ComponentChildren }) {
  return (
    <div class="heading">
      <div>
        <h1 id="title">{props.title}</h1>
        {props.text && <p class="quiet">{props.text}</p>}
      </div>
      {props.children && <div class="row">{props.children}</div>}
    </div>
  );
}

export function State(props: { kind: "good" | "warn" | "bad" | "none"; children: ComponentChildren }) {
  return <span class={`state ${props.kind}`}>{props.children}</span>;
}
