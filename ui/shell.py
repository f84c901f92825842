"""The shell around every page: page config, navigation, warm-up of the engine."""

import threading
from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core import collector
from core.errors import StillroomError
from core.paths import ASSETS, ROOT
from ui import asking, data_form, tour
from ui.text import literal

PAGES = {
    "datasets": ("Datasets", ":material/table_view:"),
    "teacher": ("Teacher", ":material/school:"),
    "distill": ("Distill", ":material/science:"),
    "masks": ("Masks", ":material/filter_alt:"),
    "compare": ("Compare", ":material/balance:"),
    "anatomy": ("Anatomy", ":material/account_tree:"),
}


def build() -> StreamlitPage:
    """Sets up the shell; returns the chosen page, to be run."""
    st.set_page_config(page_title="Stillroom", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(ASSETS / "page.css")
    st.logo(str(ASSETS / "logo.png"), size="large")
    _warm_up()
    st.session_state["_shell"] = True
    pages = [
        st.Page(ROOT / "pages" / f"{stem}.py", title=title, icon=icon, url_path=stem)
        for stem, (title, icon) in PAGES.items()
    ]
    # The default page answers to the bare address only, whatever its url_path: it leads to the first.
    home = st.Page(lambda: st.switch_page(pages[0]), title="Stillroom", default=True, visibility="hidden")
    page = st.navigation([home, *pages])
    if st.session_state.get("_page") != page.url_path:
        asking.forget_presses()  # of the page that was left
    st.session_state["_page"] = page.url_path
    st.sidebar.caption("A large model's job, done by a tiny one that can only answer in shape.")
    tour.draw(page.url_path)
    st.sidebar.caption(_machine(), help="Training and answers are computed here.")
    return page


def _machine() -> str:
    from ui import engine

    try:
        return "Getting ready …" if _warm_up().is_alive() else engine.machine()
    except StillroomError as error:  # a precision in the environment that there is not: training would say the same
        return literal(str(error))


def show_seeds(seeds: Mapping[str, int]) -> None:
    """Below the machine: what the page draws by chance, and from which seed."""
    if seeds:
        each = " · ".join(f"{seed} for {name}" for name, seed in seeds.items())
        st.sidebar.caption(f"Seed {each}", help="The same seed draws the same. It is set on the page.")


def guard() -> None:
    """First line of every page. Until some session has called `st.navigation`, Streamlit's old router
    answers a deep link by running the page's script without app.py (streamlit #9624): build, then rerun. An upload
    whose reading was left for another page goes on here."""
    if "_shell" not in st.session_state:
        build()
        st.rerun()
    data_form.read_uploads()


@st.cache_resource
def _warm_up() -> threading.Thread:
    """Imports the heavy libraries behind the first screen."""
    collector.keep_short()

    def work() -> None:
        from ui import engine

        engine.warm_up()
        collector.freeze()

    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    return thread
