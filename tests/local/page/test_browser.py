import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.local.page.scene import ALERTS, approval_blocks, button, plain, say, section
from tests.local.page.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


def composer(page: Page) -> Locator:
    """The message box of the channel."""
    return page.get_by_role("combobox", name="Message #production-alerts")


def last_message(page: Page) -> Locator:
    """The latest message of the channel."""
    return page.locator("#messages article").last


async def test_a_command_is_completed_and_sent(page: Page, stage: Stage) -> None:
    """Typing `/` offers the commands, Tab completes, the usage stays in sight, Enter sends for the typist alone."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/h")
    await expect(page.get_by_role("option")).to_have_text(["/health [SYSTEM] [CHECK] What is broken, worst first"])
    await composer(page).press("Tab")
    await composer(page).press_sequentially("newsletter")
    await expect(page.locator(".usage").first).to_have_text("/health [SYSTEM] [CHECK] · What is broken, worst first")
    await composer(page).press("Enter")

    await expect(last_message(page)).to_contain_text("Only visible to you")
    await expect(last_message(page).get_by_role("table")).to_contain_text("1,240 waiting")
    await expect(composer(page)).to_have_value("")
    assert [("/health", "newsletter")] == [(each["command"], each["text"]) for each in stage.app.received]


async def test_a_command_that_is_none_is_refused_and_kept(page: Page, stage: Stage) -> None:
    """An unknown command reaches nobody; the person is told and may correct it."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/helth newsletter")
    await expect(page.locator(".usage").first).to_have_text("/helth is not a command of this workspace.")
    await composer(page).press("Enter")

    await expect(last_message(page)).to_contain_text("/helth is not a valid command.")
    await expect(composer(page)).to_have_value("/helth newsletter")
    assert [] == stage.app.received


async def test_a_dangerous_button_asks_first(page: Page, stage: Stage) -> None:
    """Keeping it sends nothing; confirming sends one click, and the message changes in place without a reload."""
    await page.goto(f"{stage.url}/?as=lead")
    request = last_message(page)
    await request.get_by_role("button", name="Approve and run").click()
    question = page.get_by_role("dialog", name="Roll back newsletter?")
    await question.get_by_role("button", name="Keep it").click()
    await expect(question).to_have_count(0)
    refused = list(stage.app.received)
    await request.get_by_role("button", name="Approve and run").click()
    await question.get_by_role("button", name="Roll back").click()

    await expect(request).to_contain_text("@lead approved it")
    await expect(request).to_contain_text("(edited)")
    await expect(request.get_by_role("button")).to_have_count(0)
    assert ([], [("lead", "approve")]) == (refused, stage.app.actions())


async def test_a_choice_acts_once_and_by_keyboard(page: Page, stage: Stage) -> None:
    """Arrow keys move through a list without acting; Enter chooses; the choice stays on the button."""
    await page.goto(f"{stage.url}/?as=lead")
    choice = page.locator("#messages [data-action-id=release]")
    await choice.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("option", name="v39")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(choice).to_have_text("v39")
    say(stage.workspace, ALERTS, "news")
    await expect(last_message(page)).to_contain_text("news")
    await expect(choice).to_have_text("v39")
    await expect(choice).to_be_focused()
    assert "v39" == stage.app.received[-1]["actions"][0]["selected_option"]["value"]
    assert 1 == len(stage.app.received)


async def test_a_modal_shows_what_is_wrong_at_its_field(page: Page, stage: Stage) -> None:
    """What is missing is said before sending, what the app refuses after; what was typed stays; then it closes."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/incident ")
    await composer(page).press("Enter")
    modal = page.get_by_role("dialog", name="Open an incident")
    await expect(modal.get_by_label("Severity")).to_be_focused()
    await modal.get_by_role("button", name="Open").click()
    await expect(modal.get_by_text("Please complete this required field.")).to_have_count(2)
    await modal.get_by_label("Severity").select_option("P0")
    await modal.get_by_label("Title").fill("Mail")
    await modal.get_by_role("button", name="Open").click()
    await expect(modal.get_by_text("Say what people notice, please.")).to_be_visible()
    await expect(modal.get_by_label("Title")).to_be_focused()
    await modal.get_by_role("button", name="Open").click()
    await expect(modal.get_by_text("Say what people notice, please.")).to_be_visible()
    await expect(modal.get_by_label("Title")).to_have_value("Mail")
    await modal.get_by_label("Title").fill("Mail has stopped")
    await page.keyboard.press("Enter")

    await expect(modal).to_have_count(0)
    await expect(last_message(page)).to_contain_text("INC-13 Mail has stopped")
    sent = [each["view"]["state"]["values"] for each in stage.app.received if each.get("type") == "view_submission"]
    assert 3 == len(sent)
    assert "P0" == sent[-1]["severity"]["severity"]["selected_option"]["value"]


async def test_escape_closes_a_modal(page: Page, stage: Stage) -> None:
    """Escape is as good as the cross: the server forgets the view, and the message box has the focus again."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/incident ")
    await composer(page).press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")

    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(composer(page)).to_be_focused()
    assert [] == stage.workspace.views_for("U0ENGINEER")


async def test_a_modal_does_not_come_back_after_a_reload(page: Page, stage: Stage) -> None:
    """A client that starts anew has no modals, as Slack's; the app may open one again."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/incident ")
    await composer(page).press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.reload()

    await expect(page.locator("dialog")).to_have_count(0)
    assert [] == stage.workspace.views_for("U0ENGINEER")
    await composer(page).press_sequentially("/incident ")
    await composer(page).press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_switching_person_shows_what_they_see(page: Page, stage: Stage) -> None:
    """Another person sees no ephemeral message of the first, and their own direct messages."""
    await page.goto(f"{stage.url}/?as=sre")
    await expect(page.get_by_text("Only visible to you")).to_have_count(1)
    await page.get_by_role("link", name="Be lead").click()

    await expect(page.locator("#sidebar")).to_contain_text("You are lead")
    await expect(page.get_by_text("Only visible to you")).to_have_count(0)
    await page.get_by_role("link", name="Steward, 1 unread").click()
    await expect(last_message(page)).to_contain_text("Roll back newsletter/app")
    await expect(page.get_by_role("link", name="Be lead", exact=True)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("production-alerts")


async def test_news_arrives_without_disturbing(page: Page, stage: Stage) -> None:
    """A new message appears by itself; half-typed text, its cursor, an open menu and the place in the history stay."""
    await page.goto(f"{stage.url}/?as=lead")
    await composer(page).press_sequentially("half a tho")
    await page.keyboard.press("ArrowLeft")
    log = page.get_by_role("log", name="Messages")
    say(stage.workspace, ALERTS, "first news")
    await expect(last_message(page)).to_have_text("03:03 first news")
    at_end = await log.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight")
    await log.evaluate("e => { e.scrollTop = 40; }")
    say(stage.workspace, ALERTS, "more news")
    await expect(page.get_by_role("button", name="New messages")).to_be_visible()

    assert at_end < 2
    assert 40 == await log.evaluate("e => e.scrollTop")
    await expect(composer(page)).to_be_focused()
    assert ["half a tho", 9] == await composer(page).evaluate("e => [e.value, e.selectionStart]")


async def test_an_open_menu_survives_news(page: Page, stage: Stage) -> None:
    """While a list is open, what happens elsewhere leaves it open and its focus where it is."""
    await page.goto(f"{stage.url}/?as=lead")
    await page.locator("#messages [data-action-id=release]").click()
    await expect(page.get_by_role("option", name="v40")).to_be_focused()
    say(stage.workspace, ALERTS, "news")

    await expect(last_message(page)).to_contain_text("news")
    await expect(page.get_by_role("option", name="v40")).to_be_focused()


async def test_drafts_wait_where_they_were_begun(page: Page, stage: Stage) -> None:
    """Half-typed text belongs to its conversation and its person."""
    await page.goto(f"{stage.url}/?as=lead")
    await composer(page).press_sequentially("not yet")
    await page.get_by_role("link", name="general").click()
    await expect(page.get_by_label("Message #general")).to_have_value("")
    await page.get_by_role("link", name="production-alerts").click()

    await expect(composer(page)).to_have_value("not yet")


async def test_a_thread_is_read_and_answered(page: Page, stage: Stage) -> None:
    """The replies open beside the channel; an answer stands there; commands do not work in threads; Escape closes."""
    await page.goto(f"{stage.url}/?as=lead")
    await page.get_by_role("link", name="2 replies").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_role("article")).to_have_count(3)
    reply = thread.get_by_label("Reply…")
    await expect(reply).to_be_focused()
    await reply.fill("/health newsletter")
    await reply.press("Enter")
    await expect(page.get_by_text("/health is not supported in threads. Sorry!")).to_be_visible()
    await reply.fill("Approved.")
    await reply.press("Enter")
    await expect(thread.get_by_role("article")).to_have_count(4)
    await expect(page.get_by_role("link", name="3 replies")).to_be_visible()
    await page.keyboard.press("Escape")

    await expect(thread).to_have_count(0)


async def test_the_clock_moves_on(page: Page, stage: Stage) -> None:
    """A button moves the time of everyone; the last one leads to nine in the morning."""
    await page.goto(f"{stage.url}/?as=lead")
    await page.get_by_role("button", name="Move the clock on by 15m").click()
    await expect(page.locator("#clock time")).to_contain_text("03:18:1")
    await page.get_by_role("button", name="Move the clock on to the next 9:00").click()
    await expect(page.locator("#clock time")).to_contain_text("09:00:0")

    assert 0 == stage.workspace.clock.now() % 3_600_000


async def test_a_part_of_the_lab_is_broken(page: Page, stage: Stage) -> None:
    """The panel breaks a part, sets a value, and takes people out of a group; it shows what is so now."""
    await page.goto(f"{stage.url}/?as=lead")
    await page.get_by_role("link", name="Lab").click()
    await page.get_by_role("button", name="State of newsletter db: up").click()
    await page.get_by_role("option", name="no_connections").click()
    await expect(page.get_by_role("button", name="State of newsletter db: no_connections")).to_be_visible()
    await page.get_by_text("Set memory_percent").click()
    await page.get_by_label("memory_percent", exact=True).fill("97")
    await page.get_by_role("button", name="Set memory_percent of host").click()
    approvers = page.locator("[data-component=approvers]")
    await approvers.get_by_text("Set members").click()
    await approvers.get_by_label("manager").uncheck()
    await expect(page.get_by_role("link", name="Lab 1")).to_be_visible()

    group = stage.workspace.directory.groups["S0APPROVERS"]
    await expect(approvers.get_by_label("manager")).not_to_be_checked()
    assert ["U0LEAD", "U0CTO"] == group.members
    assert [{"set": {"memory_percent": 97}}] == stage.workspace.lab.calls("newsletter", "host")


async def test_the_home_tab_is_asked_for_and_works(page: Page, stage: Stage) -> None:
    """Opening the home tab tells the app; a button there is a click in that view."""
    await page.goto(f"{stage.url}/?as=sre")
    await page.get_by_role("link", name="Steward’s Home").click()
    home = page.get_by_role("region", name="Steward's home")
    await home.get_by_role("button", name="Deny…").click()
    await expect(home.locator(".busy")).to_have_count(0)

    assert "app_home_opened" == stage.app.received[0]["event"]["type"]
    assert [("sre", "deny")] == stage.app.actions()


async def test_a_night_by_keyboard_alone(page: Page, stage: Stage) -> None:
    """Without a mouse: send a command, reach a button of the latest message, confirm, and see it done."""
    await page.goto(f"{stage.url}/?as=lead")
    await expect(composer(page)).to_be_focused()
    await page.keyboard.type("/que")
    await page.keyboard.press("Enter")
    await expect(composer(page)).to_have_value("/queue ")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("Looking at it.")
    await page.keyboard.press("Enter")
    await expect(last_message(page)).to_contain_text("Looking at it.")
    for _ in range(12):
        await page.keyboard.press("Shift+Tab")
        if await page.evaluate("document.activeElement.dataset.actionId") == "approve":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Roll back", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.locator("#messages").get_by_text("@lead approved it")).to_be_visible()


async def test_stacked_modals_keep_what_was_typed_below(page: Page, stage: Stage) -> None:
    """Only the top of the stack shows; when it closes, the one below is as it was left."""
    await page.goto(f"{stage.url}/?as=engineer")
    await composer(page).press_sequentially("/incident ")
    await composer(page).press("Enter")
    below = page.get_by_role("dialog", name="Open an incident")
    await below.get_by_label("Title").fill("Mail has stopped")
    top = {"type": "modal", "title": plain("Really?"), "blocks": [{**section("Think."), "block_id": "b"}]}
    stage.workspace.views.push("U0ENGINEER", top, 0)
    stage.workspace.touch()
    await expect(page.get_by_role("dialog", name="Really?")).to_be_visible()
    await expect(below).to_be_hidden()
    await page.get_by_role("button", name="Back").click()

    await expect(below.get_by_label("Title")).to_have_value("Mail has stopped")


async def test_a_phone_has_a_drawer_and_nothing_sticks_out(browser: Browser, stage: Stage) -> None:
    """On a narrow screen the channels are a drawer, the thread covers all, and the page is no wider than the screen."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    say(
        stage.workspace,
        ALERTS,
        "x" * 300,
        [
            {"type": "header", "text": plain("h" * 140)},
            section("y" * 300),
            *approval_blocks(),
            {"type": "actions", "elements": [button("z", "z" * 70)]},
        ],
    )
    await page.goto(f"{stage.url}/?as=lead")
    await expect(page.get_by_role("link", name="general")).to_be_hidden()
    await page.get_by_role("button", name="Channels").tap()
    await page.get_by_role("link", name="general").tap()
    await expect(page.get_by_role("heading", level=1)).to_have_text("general")
    await expect(page.get_by_role("link", name="production-alerts")).to_be_hidden()
    await page.goto(f"{stage.url}/?as=lead")
    widths = await page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('#messages').scrollWidth]"
    )
    await page.get_by_role("link", name="2 replies").tap()
    thread = await page.get_by_role("complementary", name="Thread").bounding_box()
    steps = [await each.bounding_box() for each in await page.locator(".step").all()]

    assert [390, 390] == widths
    assert [True] * 5 == [box is not None and 0 <= box["x"] and box["x"] + box["width"] <= 390 for box in steps]
    assert thread is not None
    assert (0, 390) == (thread["x"], thread["width"])
    await context.close()


async def test_the_page_says_when_the_workspace_is_gone(page: Page, stage: Stage) -> None:
    """A lost connection is shown, and so is that what was typed was not sent."""
    await page.goto(f"{stage.url}/?as=lead")
    await expect(page.get_by_text("The workspace does not answer. Trying again…")).to_be_hidden()
    await page.route("**/*", lambda route: route.abort())
    await composer(page).press_sequentially("hello")
    await composer(page).press("Enter")

    await expect(page.get_by_text("The workspace does not answer. Is the demo still running?")).to_be_visible()
    await expect(composer(page)).to_have_value("hello")
