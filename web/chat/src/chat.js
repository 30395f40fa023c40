// Starts Converse.js for the host that this page comes from. Nothing is asked of any other.
import converse from "./converse.min.js";

const assets = new URL(".", import.meta.url).pathname;

// Its own has pictures from other sites.
customElements.whenDefined("converse-footer").then((Footer) => {
  Footer.prototype.render = () => "Converse.js, an open-source chat client";
});

async function start() {
  const answer = await fetch("/chat/config.json");
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  const { domain } = await answer.json();
  await converse.initialize({
    assets_path: assets,
    authentication: "login",
    websocket_url: `${location.protocol.replace("http", "ws")}//${location.host}/ws`,
    // Its own host is at this address; another would be looked up elsewhere.
    discover_connection_methods: false,
    default_domain: domain,
    domain_placeholder: domain,
    view_mode: "fullscreen",
    locales: ["en", "fr"],
    allow_registration: false,
    // What would be fetched from other sites: previews of what somebody links to.
    render_media: false,
    show_client_info: false,
    blacklisted_plugins: [
      // Its library would compile code, which this page's policy forbids.
      "converse-omemo",
      // This server has no group chat. Others need the plugin converse-muc itself; chat.css hides
      // its part of the page.
      "converse-muc-views",
      "converse-roomslist",
      "converse-bookmarks",
      "converse-bookmark-views",
    ],
    whitelisted_plugins: [],
  });
}

start().catch((error) => {
  const problem = document.getElementById("problem");
  problem.textContent = `The chat cannot start: ${error.message}`;
  problem.hidden = false;
});
