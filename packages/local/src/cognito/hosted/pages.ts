/** The pages of the hosted UI: plain forms, no scripts. */
import type { ServerResponse } from "node:http";

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? "");

export interface FormPage {
  pool: string;
  /** Where the form posts to: the path with the query of the authorisation request. */
  action: string;
  csrf: string;
  error?: string | undefined;
}

export function loginPage({ pool, action, csrf, error }: FormPage): string {
  return page(
    `Sign in to ${pool}`,
    action,
    csrf,
    error,
    `<label>Username or email <input name="username" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>`,
  );
}

/** @param session Of the challenge that wants a new password. */
export function newPasswordPage({ pool, action, csrf, error }: FormPage, session: string): string {
  return page(
    `Choose a new password for ${pool}`,
    action,
    csrf,
    error,
    `<input type="hidden" name="session" value="${escapeHtml(session)}">
<label>New password <input name="new_password" type="password" autocomplete="new-password" required autofocus></label>
<button>Save and sign in</button>`,
  );
}

export function errorPage(message: string): string {
  return html("An error was encountered", `<p role="alert">${escapeHtml(message)}</p>`);
}

export function sendPage(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, {
      "content-type": "text/html;charset=UTF-8",
      "cache-control": "no-store",
      // No form-action: it would also forbid the redirect back to the app.
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      ...headers,
    })
    .end(text);
}

function page(
  title: string,
  action: string,
  csrf: string,
  error: string | undefined,
  fields: string,
): string {
  return html(
    title,
    `${error === undefined ? "" : `<p role="alert">${escapeHtml(error)}</p>`}
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="_csrf" value="${escapeHtml(csrf)}">
${fields}
</form>`,
  );
}
function html(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:22rem;margin:12vh auto;padding:0 1rem}
label{display:block;margin:.8rem 0}input{width:100%;padding:.5rem;box-sizing:border-box}
button{padding:.6rem 1.2rem}[role=alert]{color:#a40000}</style></head>
<body><h1>${escapeHtml(title)}</h1>
${body}
</body></html>
`;
}
