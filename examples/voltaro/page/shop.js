// The shop's own part: its buttons open the desk's chat, which is one element of this page.
for (const button of document.querySelectorAll("[data-chat]")) {
  button.addEventListener("click", () => {
    const chat = document.querySelector("frontdesk-chat");
    if (chat) chat.open = true;
  });
}
