//! Templates of annotations and labels: Go's text/template with Prometheus'
//! functions. The engine is [`catchment_logql::AlertTemplate`]; what it cannot
//! do (`query`, links to Prometheus' pages) is refused when the rule is loaded.

use catchment_logql::{AlertSubject, AlertTemplate, TemplateError};

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(AlertTemplate);

impl Template {
    /// Compiles a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        AlertTemplate::new(text).map(Self)
    }

    /// The text for a series with these labels and this value. A template that
    /// fails gives Prometheus' text of the failure in its place, so that an
    /// alert is told with a fault rather than not at all.
    pub fn render<K: AsRef<str>, V: AsRef<str>>(
        &self,
        labels: impl IntoIterator<Item = (K, V)>,
        value: f64,
    ) -> String {
        let labels = labels.into_iter().map(|(k, v)| (k.as_ref().to_owned(), v.as_ref().to_owned()));
        let subject = AlertSubject { labels: labels.collect(), value, ..AlertSubject::default() };
        self.0.render(&subject).unwrap_or_else(|err| format!("<error expanding template: {err}>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, value: f64) -> String {
        let labels = [("service", "api"), ("instance", "web.example.com:8080")];
        Template::parse(template).unwrap().render(labels, value)
    }

    #[test]
    fn templates_render_as_in_prometheus() {
        for (template, expected) in [
            ("plain", "plain"),
            ("rate is {{ $value }} a second", "rate is 12.5 a second"),
            ("{{.Value}}/{{$value}}", "12.5/12.5"),
            ("{{ $labels.service }}, {{ .Labels.nope }}.", "api, ."),
            ("{{ $externalLabels.cluster }}|{{ externalURL }}|{{ pathPrefix }}", "||"),
            ("{{ printf \"%.2f\" $value }}", "12.50"),
            ("{{ $value | humanize }} {{ humanize .Value }}", "12.5 12.5"),
            ("{{ $value | humanizeDuration }}", "12.5s"),
            ("{{ $value | humanizePercentage }}", "1250%"),
            ("{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"),
            ("a {{- $value -}} b", "a12.5b"),
            ("{{ if gt $value 10.0 }}high{{ else }}low{{ end }}", "high"),
            (
                "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
                "instance=web.example.com:8080;service=api;",
            ),
            ("{{ with $labels.service }}<{{ . }}>{{ end }}", "<api>"),
            ("{{ $labels.instance | stripPort | stripDomain | toUpper }}", "WEB"),
            ("{{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }}", "web.example.com"),
            ("{{ if match \"^a.i$\" $labels.service }}yes{{ end }}", "yes"),
            ("{{ define \"who\" }}{{ .service | title }}{{ end }}{{ template \"who\" $labels }}", "Api"),
            ("{{ index $labels \"service\" }} {{ len $labels }}", "api 2"),
            ("{{ \"90m\" | parseDuration | humanizeDuration }}", "1h 30m 0s"),
            ("{{ $labels }}", "map[instance:web.example.com:8080 service:api]"),
            ("{{ $x := $value }}{{ printf \"%v\" $x }}", "12.5"),
        ] {
            assert_eq!(rendered(template, 12.5), expected, "{template}");
        }
        assert_eq!(rendered("{{ $value }}", 1e6), "1e+06", "as Go's %v");
        assert_eq!(rendered("{{ printf \"%.0f\" $value }}", 1e6), "1000000");
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        for (template, why) in [
            ("{{ query `up` | first | value }}", "put what it needs into the rule's expression"),
            ("{{ graphLink `up` }}", "links to Prometheus' own pages"),
            ("{{ $nope }}", "undefined variable \"$nope\""),
            ("{{ nope }}", "function \"nope\" not defined"),
            ("{{ trunc 3 $labels.service }}", "function \"trunc\" not defined"),
            ("{{ if $value }}", "unexpected EOF"),
            ("x {{ $value", "unclosed action"),
            ("{{ }}", "missing value for command"),
        ] {
            let err = Template::parse(template).unwrap_err();
            assert!(err.message.contains(why), "{template}: {err}");
        }
    }

    #[test]
    fn a_template_that_fails_says_so_in_its_place() {
        let text = rendered("{{ .Nope.x }}", 1.0);
        assert!(text.starts_with("<error expanding template: "), "{text}");
        let endless = "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}";
        assert!(rendered(endless, 1.0).contains("deeper than"), "calls without end");
        let long =
            "{{ range $a, $x := $labels }}{{ end }}".repeat(3) + &"{{ printf \"%4000s\" \"\" }}".repeat(300);
        assert!(rendered(&long, 1.0).contains("longer than"), "text without end");
    }
}
