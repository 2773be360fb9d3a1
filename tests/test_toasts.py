"""What must be heard is said until it has been sent."""

from streamlit.testing.v1 import AppTest


def script():
    import streamlit as st

    from ui import toasts

    if "begun" not in st.session_state:
        st.session_state.begun = True
        toasts.say("**Lost**", icon=":material/restart_alt:")
    toasts.say_toasts()
    if st.session_state.pop("overtaken", False):
        st.stop()
    toasts.have_been_said()


def test_what_must_be_heard_is_said_until_a_run_has_come_to_its_end_for_a_while(monkeypatch):
    app = AppTest.from_function(script)
    app.session_state["overtaken"] = True
    # The first run is overtaken, so that it is the second from which the seconds count.
    for now, said in ((0, True), (100, True), (100.5, True), (102, False), (111, False)):
        monkeypatch.setattr("ui.toasts.monotonic", lambda now=now: now)
        assert [toast.value for toast in app.run().toast] == ["**Lost**"] * said
