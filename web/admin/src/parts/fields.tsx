// Fields of a form, and what was put into them.
import type { Values } from "../api";
import { t } from "../i18n";

export interface Field {
  name: string;
  label: string;
  type?: "text" | "password" | "number" | "select" | "checks";
  help?: string;
  helpLang?: string;
  choices?: string[];
  value?: string;
  example?: string;
  optional?: boolean;
  // The only text that is taken: to type what is about to be lost.
  exactly?: string;
}

export function Fields({ fields, id }: { fields: Field[]; id: string }) {
  return (
    <>
      {fields.map((field) => (
        <One field={field} id={`${id}-${field.name}`} key={field.name} />
      ))}
    </>
  );
}

function One({ field, id }: { field: Field; id: string }) {
  const { name, type = "text", choices = [], value = "" } = field;
  const help = field.help ? `${id}-help` : undefined;
  const common = { id, name, required: !field.optional, "aria-describedby": help };
  const words = (
    <p class="help" id={help} lang={field.helpLang}>
      {field.help}
    </p>
  );
  if (type === "checks") {
    return (
      <fieldset class="field" aria-describedby={help}>
        <legend>{field.label}</legend>
        <div class="checks">
          {choices.map((choice) => (
            <label class="check" key={choice}>
              <input type="checkbox" name={name} value={choice} defaultChecked={choice === value} />
              {choice}
            </label>
          ))}
        </div>
        {field.help && words}
      </fieldset>
    );
  }
  return (
    <div class="field">
      <label for={id}>
        {field.label} {field.optional && <span class="quiet">({t.value.common.optional})</span>}
      </label>
      {type === "select" ? (
        <select {...common}>
          {field.optional && <option value="" />}
          {choices.map((choice) => (
            <option value={choice} selected={choice === value} key={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type={type}
          min={type === "number" ? 0 : undefined}
          defaultValue={value}
          placeholder={field.example}
          pattern={field.exactly?.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")}
          autocomplete={type === "password" ? "new-password" : "off"}
          autocapitalize="off"
          spellcheck={false}
        />
      )}
      {field.help && words}
    </div>
  );
}

// What stands in the form, by name; without what was left empty.
export function valuesOf(form: HTMLFormElement, fields: Field[]): Values {
  const data = new FormData(form);
  const values: Values = {};
  for (const { name, type } of fields) {
    const texts = data.getAll(name).filter((text) => typeof text === "string" && text !== "");
    if (texts.length === 0) continue;
    values[name] = type === "number" ? Number(texts[0]) : texts.join(",");
  }
  return values;
}
