from zoneinfo import ZoneInfo

import pytest

from bot.local.page.markdown import markdown
from bot.local.page.mrkdwn import mrkdwn
from bot.local.page.names import Names
from tests.local.page.scene import NIGHT

NAMES = Names(
    users={"U0SRE": "sre", "U0LEAD": "lead"},
    channels={"C0ALERTS": "production-alerts"},
    groups={"S0APPROVERS": "approvers", "S0ENGINEERS": "engineers"},
    groups_of_viewer=frozenset({"S0ENGINEERS"}),
    viewer="U0SRE",
    now=NIGHT,
    zone=ZoneInfo("Europe/Berlin"),
)
OUT = 'target="_blank" rel="noopener noreferrer"'
DATE = "<!date^1763780592^{}|as text>"
TIME = '<time datetime="2025-11-22T04:03:12+01:00" title="Saturday, 22 November 2025, 04:03:12 CET">{}</time>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>", id="emphasis"),
        pytest.param("*a _b_*", "<strong>a <em>b</em></strong>", id="emphasis nests"),
        pytest.param("2*3*4 snake_case_name", "2*3*4 snake_case_name", id="signs inside words are no emphasis"),
        pytest.param("* a *", "* a *", id="signs beside spaces are no emphasis"),
        pytest.param("`*a* &lt;b&gt;`", "<code>*a* &lt;b&gt;</code>", id="code keeps its text"),
        pytest.param("x\n```a\n *b*```\ny", "x<pre>a\n *b*</pre>y", id="a fence keeps its lines"),
        pytest.param("&gt; a\n&gt; b\nc", "<blockquote>a<br>b</blockquote>c", id="quoted lines stand together"),
        pytest.param("a\nb\n\nc", "a<br>b<br><br>c", id="line breaks"),
        pytest.param("&amp;lt; &quot;", "&amp;lt; &amp;quot;", id="three entities are decoded, once"),
        pytest.param("<b>hi</b>", "&lt;b&gt;hi&lt;/b&gt;", id="tags are text"),
        pytest.param(
            "<http://a.b/?x=1&amp;y=2|go>", f'<a href="http://a.b/?x=1&amp;y=2" {OUT}>go</a>', id="a link with a label"
        ),
        pytest.param("<http://a.b>", f'<a href="http://a.b" {OUT}>http://a.b</a>', id="a link without a label"),
        pytest.param("see http://a.b/c.", f'see <a href="http://a.b/c" {OUT}>http://a.b/c</a>.', id="a bare address"),
        pytest.param("<mailto:a@b.c|a>", f'<a href="mailto:a@b.c" {OUT}>a</a>', id="a mail address"),
        pytest.param("<javascript:alert(1)|ok>", "&lt;javascript:alert(1)|ok&gt;", id="a script is no link"),
        pytest.param("<data:text/html,x|ok>", "&lt;data:text/html,x|ok&gt;", id="data are no link"),
        pytest.param("<@U0LEAD>", '<span class="mention">@lead</span>', id="a person"),
        pytest.param("<@U0SRE|x>", '<span class="mention mine">@sre</span>', id="a mention of the viewer stands out"),
        pytest.param("<@U9|gone>", '<span class="mention">@gone</span>', id="a stranger goes by the label"),
        pytest.param(
            "<#C0ALERTS>",
            '<a class="mention" href="/?as=U0SRE&amp;channel=C0ALERTS" data-nav>#production-alerts</a>',
            id="a channel is a way to go there",
        ),
        pytest.param("<#C9|gone>", '<span class="mention">#gone</span>', id="an unknown channel"),
        pytest.param("<!subteam^S0APPROVERS>", '<span class="mention">@approvers</span>', id="a group"),
        pytest.param(
            "<!subteam^S0ENGINEERS>", '<span class="mention mine">@engineers</span>', id="a group of the viewer"
        ),
        pytest.param(
            "<!here> <!channel>",
            '<span class="mention mine">@here</span> <span class="mention mine">@channel</span>',
            id="broadcasts",
        ),
        pytest.param(":rotating_light: :nope: 10:30:40", "🚨 :nope: 10:30:40", id="known shortcodes become characters"),
        pytest.param(DATE.format("{time}"), TIME.format("04:03"), id="a time in the viewer's zone"),
        pytest.param(DATE.format("{date_short_pretty} {ago}"), TIME.format("today just now"), id="a date, prettily"),
        pytest.param("<!date^soon^{time}|later>", "later", id="a date that is none shows its fallback"),
    ],
)
def test_mrkdwn_reads_as_in_slack(text: str, expected: str) -> None:
    """Each mark of Slack's own markup has one meaning; everything else is text."""
    assert expected == mrkdwn(text, NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# Title\ntext", "<h4>Title</h4><p>text</p>", id="a heading"),
        pytest.param("- a\n- **b**", "<ul><li>a</li><li><strong>b</strong></li></ul>", id="a list"),
        pytest.param("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>", id="a numbered list"),
        pytest.param("> a\n> b", "<blockquote>a<br>b</blockquote>", id="a quote"),
        pytest.param("```sh\nls *\n```", "<pre>ls *</pre>", id="a fence"),
        pytest.param("---", "<hr>", id="a rule"),
        pytest.param("*a* ~~b~~ `c*`", "<p><em>a</em> <s>b</s> <code>c*</code></p>", id="emphasis"),
        pytest.param("[a](http://b.c)", f'<p><a href="http://b.c" {OUT}>a</a></p>', id="a link"),
        pytest.param("[a](javascript:x)", "<p>[a](javascript:x)</p>", id="a script is no link"),
        pytest.param("![a](http://b.c)", f'<p><a href="http://b.c" {OUT}>a</a></p>', id="an image is a link to it"),
        pytest.param("![a](data:x)", "<p>![a](data:x)</p>", id="data are no link"),
        pytest.param("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>", id="a list in a list"),
        pytest.param("> a\n>\n> b", "<blockquote><p>a</p><p>b</p></blockquote>", id="a quote of two paragraphs"),
        pytest.param("a\n---", "<p>a</p><hr>", id="no heading by underlining"),
        pytest.param("x\n\n    *y*", "<p>x</p><p><em>y</em></p>", id="no code by indentation"),
        pytest.param("a\nb :+1:", "<p>a<br>b 👍</p>", id="line breaks and emoji"),
        pytest.param("<i>x</i>", "<p>&lt;i&gt;x&lt;/i&gt;</p>", id="tags are text"),
        pytest.param(
            "|a|<b|\n|--|--|\n|1|2|",
            "<table><tr><th>a</th><th>&lt;b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            id="a table",
        ),
    ],
)
def test_the_markdown_block_reads_as_markdown(text: str, expected: str) -> None:
    """The markdown block has its own dialect, without mentions and without HTML."""
    assert expected == markdown(text, NAMES)
