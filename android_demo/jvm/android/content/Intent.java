package android.content;

import java.util.HashMap;
import java.util.Map;

/** A fake. */
public class Intent {
    private final Map<String, String> extras = new HashMap<>();
    private String action;

    public Intent() {}

    public Intent(Context context, Class<?> target) {}

    public Intent setAction(String name) {
        action = name;
        return this;
    }

    public String getAction() {
        return action;
    }

    public Intent putExtra(String name, String value) {
        extras.put(name, value);
        return this;
    }

    public String getStringExtra(String name) {
        return extras.get(name);
    }
}
