// Decides what the example identity provider shows to somebody who logs in.

/** Plain HTML without a script. */
export function loginPage(
  uid: string,
  { client_id: client = '', scope = '' }: { client_id?: string; scope?: string },
): string {
  return `<!doctype html><meta charset="utf-8"><title>Log in</title>
<body style="font:16px system-ui;max-width:30rem;margin:4rem auto">
<h1>Who are you?</h1>
<p>An example: whoever types a name is that person. The client <code>${escaped(client)}</code> asks for
<code>${escaped(scope === '' ? 'no scope' : scope)}</code>.</p>
<form method="post" action="/interaction/${encodeURIComponent(uid)}">
<input name="name" autofocus required maxlength="64"> <button>Log in</button></form>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
